/** What the rows of one ledger say about it as a whole, while they are read from both ends. */
import { isObject, type Json } from '../core/json.js';
import type { RowLine } from './row-line.js';

/** More keys and policies than a ledger has; beyond them rows are not counted by them. */
const MAX_SIGNERS = 10_000;
const MAX_POLICIES = 10_000;

export interface SignerCount {
  readonly fingerprint: string;
  readonly publicKeyHex: string | null;
  rows: number;
}

/** The decisions that name a policy. Texts come from rows. */
export interface PolicyUse {
  readonly policyHash: string;
  readonly policyId: string;
  readonly version: string;
  firstMs: number | null;
  lastMs: number | null;
  decisions: number;
}

export interface LedgerFacts {
  /** Counts a line, row or not. Returns its place: 0, 1, … for new lines, -1, -2, … for old ones. */
  countLine(where: 'new' | 'old'): number;
  noteRow(row: RowLine, place: number): void;
  /** All old lines were counted. */
  complete(): void;
  /** The row in its ledger, from 0, of a line at a place; -1 while that is not known. */
  rowOf(place: number): number;
  /** The place of a row of the ledger; `undefined` while that is not known. */
  placeOf(row: number): number | undefined;
  /** As far as they are known. */
  readonly rows: number;
  readonly ledgerId: string | null;
  readonly headHash: string | null;
  readonly lastMs: number | null;
  /** `null` until all is read. */
  readonly firstMs: number | null;
  listSigners(): readonly SignerCount[];
  /** Latest use first. */
  listPolicies(): readonly PolicyUse[];
}

export function createFacts(): LedgerFacts {
  const signers = new Map<string, SignerCount>();
  const policies = new Map<string, PolicyUse>();
  let newLines = 0;
  let oldLines = 0;
  let isComplete = false;
  /** Place of row 0, as a row told it; counted once all is read. */
  let told: number | undefined;
  let ledgerId: string | null = null;
  let headHash: string | null = null;
  let lastMs: number | null = null;
  let firstMs: number | null = null;
  const start = (): number | undefined => (isComplete ? -oldLines : told);

  return {
    countLine: (where) => (where === 'new' ? newLines++ : -++oldLines),
    noteRow(row, place) {
      const { ledgerIndex, ledgerId: id } = row.decision;
      if (told === undefined && Number.isSafeInteger(ledgerIndex)) told = place - Number(ledgerIndex);
      if (ledgerId === null && typeof id === 'string') ledgerId = id.slice(0, 128);
      // Going backwards, the first row that is met is the newest.
      if (place >= 0 || headHash === null) headHash = row.entryHash || null;
      if (!Number.isNaN(row.timestampMs)) {
        if (place >= 0 || lastMs === null) lastMs = row.timestampMs;
        if (place < 0 || firstMs === null) firstMs = row.timestampMs;
      }
      countSigner(signers, row);
      if (row.decision.entryType === undefined) countPolicies(policies, row);
    },
    complete() {
      isComplete = true;
    },
    rowOf(place) {
      const base = start();
      return base === undefined ? -1 : place - base;
    },
    placeOf(row) {
      const base = start();
      return base === undefined ? undefined : base + row;
    },
    get rows() {
      return newLines - Math.min(start() ?? 0, -oldLines);
    },
    get ledgerId() {
      return ledgerId;
    },
    get headHash() {
      return headHash;
    },
    get lastMs() {
      return lastMs;
    },
    get firstMs() {
      return isComplete ? firstMs : null;
    },
    listSigners: () => [...signers.values()],
    listPolicies: () => [...policies.values()].sort((a, b) => (b.lastMs ?? 0) - (a.lastMs ?? 0)),
  };
}

function countSigner(signers: Map<string, SignerCount>, { signerFingerprint, publicKeyHex }: RowLine): void {
  const key = `${signerFingerprint} ${publicKeyHex}`;
  const known = signers.get(key);
  if (known) known.rows++;
  else if (signers.size < MAX_SIGNERS)
    signers.set(key, { fingerprint: signerFingerprint, publicKeyHex: publicKeyHex || null, rows: 1 });
}

function countPolicies(policies: Map<string, PolicyUse>, { decision, timestampMs }: RowLine): void {
  countPolicy(policies, decision.policyHash, decision.policyId, decision.policyVersion, timestampMs);
  if (!Array.isArray(decision.policies)) return;
  // Of several policies, the first is the one that the row's own keys name.
  for (const one of decision.policies as readonly Json[])
    if (isObject(one) && one.hash !== decision.policyHash)
      countPolicy(policies, one.hash, one.id, one.version, timestampMs);
}

function countPolicy(
  policies: Map<string, PolicyUse>,
  hash: Json | undefined,
  id: Json | undefined,
  version: Json | undefined,
  atMs: number,
): void {
  if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) return;
  const use = policies.get(hash) ?? {
    policyHash: hash,
    policyId: printText(id),
    version: printText(version),
    firstMs: null,
    lastMs: null,
    decisions: 0,
  };
  if (policies.size >= MAX_POLICIES && !policies.has(hash)) return;
  policies.set(hash, use);
  use.decisions++;
  if (Number.isNaN(atMs)) return;
  use.firstMs = Math.min(use.firstMs ?? atMs, atMs);
  use.lastMs = Math.max(use.lastMs ?? atMs, atMs);
}

function printText(value: Json | undefined): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, 200) : '';
}
