/**
 * One unbroken numbering with links: a signer's chain, or the order of a whole ledger (docs/receipt-format.md, chains).
 * Finds the place of each row in turn and goes on after a defect, so that one defect is one problem.
 */
import { ZERO_HASH } from './receipt.js';

/** A row's own word about its place. */
export interface Link {
  readonly index: number;
  readonly previousHash: string;
  /** It is kept. A text cut out of a line would keep the whole line in memory: give one of its own. */
  readonly hash: string;
}

/** What a row's place turned out to be. */
export type Placement =
  /** Right after the row before it, or first from 0. */
  | { readonly kind: 'follows' }
  /** First to be seen, with rows before it that were not. */
  | { readonly kind: 'starts-late' }
  /** Rows are missing before it: `missing` of them. `explained`: as many lines there could not be read. */
  | { readonly kind: 'gap'; readonly missing: number; readonly explained: boolean }
  /** The right number, but linked to another row than the one before it. */
  | { readonly kind: 'unlinked' }
  /** It belongs further up, where its place is empty. */
  | { readonly kind: 'out-of-order' }
  /** Its place is taken, by itself or by a row that is no longer remembered. */
  | { readonly kind: 'repeats' }
  /** Its place is taken by another row. `sameParent`: both follow the same row. */
  | { readonly kind: 'differs'; readonly sameParent: boolean };

interface Head {
  next: number;
  /** Hash of the last row; two where the row's own word and its real hash differ. Empty: unknown. */
  hashes: readonly string[];
}

/** Where a chain stands. */
export interface Chain {
  /** Key of the chain in the memory that all chains of a file share. */
  readonly id: number;
  readonly head: Head;
  started: boolean;
  /** Lowest number seen. */
  first: number;
  /** The other end after a fork, so that its later rows are not reported one by one. */
  branch: Head | undefined;
  /** Numbers that were skipped, newest last. */
  readonly skipped: { from: number; to: number }[];
  /** How many unreadable lines of the file this chain has taken into account. */
  holesSeen: number;
}

/** The newest rows of all chains of a file: what tells a repeated row from a different one. */
export interface RowMemory {
  /** Hash of each, by chain and number. */
  readonly hashes: Map<string, string>;
  /** Lines that could not be placed so far, in the whole file. */
  holes: number;
}

const MAX_REMEMBERED_ROWS = 16_384;
const MAX_SKIPPED = 64;
const FOLLOWS: Placement = { kind: 'follows' };

export function createRowMemory(): RowMemory {
  return { hashes: new Map(), holes: 0 };
}

export function createChain(id: number): Chain {
  const head = { next: 0, hashes: [ZERO_HASH] };
  return { id, head, started: false, first: 0, branch: undefined, skipped: [], holesSeen: 0 };
}

/** Finds the place of a row whose hash is right, and moves on. Constant time and memory. */
export function placeRow(chain: Chain, link: Link, memory: RowMemory): Placement {
  const { head } = chain;
  if (extendsHead(head, link)) return moveHead(chain, link, memory, FOLLOWS);
  if (chain.branch && extendsHead(chain.branch, link)) {
    chain.branch = headAfter(link);
    remember(chain, link, memory);
    return FOLLOWS;
  }
  const ahead = link.index - head.next;
  if (ahead === 0) return moveHead(chain, link, memory, { kind: 'unlinked' });
  if (ahead < 0) return placeEarlierRow(chain, link, memory);
  const explained = ahead <= memory.holes - chain.holesSeen;
  const kind: Placement =
    chain.started || explained ? { kind: 'gap', missing: ahead, explained } : { kind: 'starts-late' };
  if (chain.started) skip(chain, head.next, link.index - 1);
  return moveHead(chain, link, memory, kind);
}

/**
 * Takes a row into account whose content is not what was hashed: its own word about its place counts only where it
 * fits. Both hashes may be what the next row is linked to: nobody knows which of the two was changed.
 *
 * @returns whether the row fits; if not, it leaves a hole that explains a gap of one.
 */
export function placeBrokenRow(chain: Chain, link: Link, realHash: string, memory: RowMemory): boolean {
  if (!extendsHead(chain.head, link)) return false;
  moveHead(chain, link, memory, FOLLOWS);
  chain.head.hashes = [link.hash, realHash];
  return true;
}

/** Whether the row has the number and the link that come next. */
export function extendsHead(head: Readonly<Head>, link: Link): boolean {
  return link.index === head.next && head.hashes.includes(link.previousHash);
}

function placeEarlierRow(chain: Chain, link: Link, memory: RowMemory): Placement {
  const known = memory.hashes.get(memoryKey(chain, link.index));
  if (known === undefined) {
    const empty =
      link.index < chain.first || chain.skipped.some((gap) => link.index >= gap.from && link.index <= gap.to);
    if (!empty) return { kind: 'repeats' };
    remember(chain, link, memory);
    chain.first = Math.min(chain.first, link.index);
    return { kind: 'out-of-order' };
  }
  if (known === link.hash) return { kind: 'repeats' };
  chain.branch = headAfter(link);
  const parent = link.index === 0 ? ZERO_HASH : memory.hashes.get(memoryKey(chain, link.index - 1));
  return { kind: 'differs', sameParent: parent === link.previousHash };
}

function moveHead(chain: Chain, link: Link, memory: RowMemory, placement: Placement): Placement {
  if (!chain.started) chain.first = link.index;
  chain.started = true;
  chain.head.next = link.index + 1;
  chain.head.hashes = [link.hash];
  chain.holesSeen = memory.holes;
  remember(chain, link, memory);
  return placement;
}

function headAfter(link: Link): Head {
  return { next: link.index + 1, hashes: [link.hash] };
}

function skip(chain: Chain, from: number, to: number): void {
  if (chain.skipped.length >= MAX_SKIPPED) chain.skipped.shift();
  chain.skipped.push({ from, to });
}

function remember(chain: Chain, link: Link, memory: RowMemory): void {
  const { hashes } = memory;
  hashes.set(memoryKey(chain, link.index), link.hash);
  if (hashes.size <= MAX_REMEMBERED_ROWS) return;
  for (const oldest of hashes.keys()) {
    hashes.delete(oldest);
    return;
  }
}

function memoryKey(chain: Chain, index: number): string {
  return `${chain.id}/${index}`;
}
