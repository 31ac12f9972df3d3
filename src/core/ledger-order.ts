/**
 * The order of all rows of a ledger, whoever signed them: `ledgerIndex` and `ledgerPreviousHash` inside `decision`
 * (docs/receipt-format.md, ledger order). It shows what a signer's chain cannot: that another signer's whole run is gone.
 */
import { isHex } from './bytes.js';
import {
  type Chain,
  createChain,
  extendsHead,
  type Placement,
  placeBrokenRow,
  placeRow,
  type RowMemory,
} from './chain.js';
import { quote, type Reading, refusal } from './reading.js';
import { isIndex, type Receipt, readMember, ZERO_HASH } from './receipt.js';

/** A row's word about its place in its ledger. */
export interface LedgerPlace {
  readonly ledgerId: string;
  readonly index: number;
  readonly previousHash: string;
}

/** Where the ledgers that a file's rows name stand. More than one is a problem. */
export interface LedgerOrder {
  /** The ledger of the first row that names one. */
  ledgerId: string | null;
  readonly ledgers: Map<string, Chain>;
  /** Rows that name no ledger: written by others. */
  foreignRows: number;
  /** Hash of the last foreign row, while no other row came after it. */
  foreignHead: string | undefined;
  /** Where the order stood before the foreign rows that came last. */
  beforeForeign: { readonly next: number; readonly hashes: readonly string[] } | undefined;
  startsLate: boolean;
}

/** What is wrong with a row's place in the order, and how many rows are missing before it. */
export interface OrderFinding {
  readonly message: string | undefined;
  readonly startsLate: boolean;
  readonly missing: number;
}

const MAX_LEDGERS = 64;
/** Identities of ledger orders in the shared row memory; those of signers' chains are positive. */
const FIRST_ID = -1;
const IN_ORDER: OrderFinding = { message: undefined, startsLate: false, missing: 0 };

export function createLedgerOrder(): LedgerOrder {
  return {
    ledgerId: null,
    ledgers: new Map(),
    foreignRows: 0,
    foreignHead: undefined,
    beforeForeign: undefined,
    startsLate: false,
  };
}

/** Reads a row's place; `undefined` for a row of others, a refusal where one of the three values has no such shape. */
export function readLedgerPlace(receipt: Receipt): Reading<LedgerPlace> | undefined {
  const index = readMember(receipt, 'ledgerIndex');
  if (index === undefined) return undefined;
  const ledgerId = readMember(receipt, 'ledgerId');
  const previousHash = readMember(receipt, 'ledgerPreviousHash');
  if (!isIndex(index))
    return refusal('WRONG_TYPE', 'The value of "decision.ledgerIndex" is not an integer from 0.');
  if (typeof ledgerId !== 'string' || ledgerId === '') {
    return refusal('WRONG_TYPE', 'The value of "decision.ledgerId" is not a text.');
  }
  if (typeof previousHash !== 'string' || !isHex(previousHash, 32)) {
    return refusal(
      'WRONG_TYPE',
      'The value of "decision.ledgerPreviousHash" is not 64 lowercase hex digits.',
    );
  }
  return { ok: true, value: { ledgerId, index, previousHash } };
}

/** Takes a row of others into account: it has a place in the file that the rows after it may count. */
export function passForeignRow(order: LedgerOrder, hash: string): void {
  order.foreignRows++;
  order.foreignHead = hash;
  const ledger = mainLedger(order);
  if (!ledger) return;
  order.beforeForeign ??= { ...ledger.head };
  ledger.head.next++;
  ledger.head.hashes = [hash];
}

/** Finds the place of a row of ours and says what is wrong with it. */
export function placeInLedger(
  order: LedgerOrder,
  place: LedgerPlace,
  hash: string,
  memory: RowMemory,
): OrderFinding {
  const link = { index: place.index, previousHash: place.previousHash, hash };
  const known = order.ledgers.get(place.ledgerId);
  if (!known) return startLedger(order, place, hash, memory);
  const { beforeForeign } = order;
  if (known === mainLedger(order)) order.beforeForeign = undefined;
  if (beforeForeign && !extendsHead(known.head, link) && extendsHead(beforeForeign, link)) {
    Object.assign(known.head, beforeForeign);
    placeRow(known, link, memory);
    return finding('Rows without a place in the ledger stand before this row, which does not count them.');
  }
  return describe(placeRow(known, link, memory), place.index);
}

/** As `placeInLedger`, for a row whose hash is wrong. Whether its place fits; if not, it leaves a hole. */
export function placeBrokenInLedger(
  order: LedgerOrder,
  place: LedgerPlace | undefined,
  hashes: { readonly claimed: string; readonly real: string },
  memory: RowMemory,
): boolean {
  // The ledger it names may be what was changed, so only a ledger that other rows name counts.
  const ledger = place && order.ledgers.get(place.ledgerId);
  if (!ledger) return false;
  const link = { index: place.index, previousHash: place.previousHash, hash: hashes.claimed };
  return placeBrokenRow(ledger, link, hashes.real, memory);
}

function startLedger(order: LedgerOrder, place: LedgerPlace, hash: string, memory: RowMemory): OrderFinding {
  const other = order.ledgerId;
  const ledger = openLedger(order, place.ledgerId, memory);
  if (other !== null) {
    if (ledger) placeRow(ledger, { ...place, hash }, memory);
    return finding(
      `The row belongs to the ledger ${quote(place.ledgerId)}, the rows before it to ${quote(other)}.`,
    );
  }
  const found = ledger ? placeRow(ledger, { ...place, hash }, memory) : undefined;
  if (found?.kind === 'starts-late' && order.foreignRows === 0) {
    order.startsLate = true;
    return { ...IN_ORDER, startsLate: true };
  }
  return found ? describe(found, place.index) : IN_ORDER;
}

/** A new ledger begins after the foreign rows that stand before it. `undefined` when there are too many. */
function openLedger(order: LedgerOrder, ledgerId: string, memory: RowMemory): Chain | undefined {
  if (order.ledgers.size >= MAX_LEDGERS) return undefined;
  const ledger = createChain(FIRST_ID - order.ledgers.size);
  order.ledgers.set(ledgerId, ledger);
  if (order.ledgerId === null) {
    order.ledgerId = ledgerId;
    ledger.head.next = order.foreignRows;
    ledger.head.hashes = [order.foreignHead ?? ZERO_HASH];
  } else ledger.holesSeen = memory.holes;
  return ledger;
}

function mainLedger(order: LedgerOrder): Chain | undefined {
  return order.ledgerId === null ? undefined : order.ledgers.get(order.ledgerId);
}

function describe(placement: Placement, index: number): OrderFinding {
  switch (placement.kind) {
    case 'follows':
      return IN_ORDER;
    case 'gap':
      if (placement.explained) return IN_ORDER;
      return { ...finding(missingText(placement.missing, index)), missing: placement.missing };
    case 'starts-late':
      return finding(
        `The row counts ${index} rows before it in the ledger, and the file does not hold them.`,
      );
    case 'unlinked':
      return finding('"ledgerPreviousHash" is not the hash of the row before this one.');
    case 'out-of-order':
    case 'repeats':
    case 'differs':
      return finding(`Row ${index} of the ledger stands after rows that come later.`);
  }
}

function missingText(missing: number, index: number): string {
  const which = missing === 1 ? `row ${index - 1}` : `rows ${index - missing} to ${index - 1}`;
  return `The ledger's ${which}, before this row, ${missing === 1 ? 'is' : 'are'} missing.`;
}

function finding(message: string): OrderFinding {
  return { message, startsLate: false, missing: 0 };
}
