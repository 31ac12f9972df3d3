/** What the verifier of one file knows so far, and the row it is looking at. */
import type { RowMemory } from './chain.js';
import type { CheckpointStep } from './checkpoint-step.js';
import type { CryptoBackend, SignatureChecker } from './crypto.js';
import type { KeyRing } from './key-ring.js';
import type { LawfulStep } from './lawful-step.js';
import type { LedgerOrder } from './ledger-order.js';
import { addProblem, type Place, type ProblemList } from './problem-list.js';
import type { Receipt } from './receipt.js';
import type { ProblemCode } from './report.js';
import type { SignerChain, Signers } from './signers.js';

/** Everything known about a file so far. Each step of the procedure changes its own part. */
export interface LedgerState {
  readonly path: string;
  readonly backend: CryptoBackend;
  /** Takes the signatures, where the caller brought it. */
  readonly checker: SignatureChecker | undefined;
  /** Whether of each chain only the last signature is checked. */
  readonly isQuick: boolean;
  readonly ring: KeyRing;
  readonly problems: ProblemList;
  readonly memory: RowMemory;
  readonly signers: Signers;
  readonly order: LedgerOrder;
  readonly unsignedKeys: Set<string>;
  /** Keys whose revocation was told already. */
  readonly revokedKeys: Set<string>;
  /** Where checkpoints were brought. */
  readonly checkpoints: CheckpointStep | undefined;
  /** Where policies were brought. */
  readonly lawful: LawfulStep | undefined;
  line: number;
  /** Rows that could be read. */
  rows: number;
  lastLedgerTimeMs: number;
}

/** One row on its way through the steps. */
export interface Row extends Place {
  readonly sequence: number;
  readonly receipt: Receipt;
  readonly hash: Uint8Array;
  readonly realHash: string;
  /** Whether `entryHash` is the hash of what the row says. */
  readonly intact: boolean;
  readonly timestampMs: number;
}

/**
 * Adds a problem of a row; one with a signer also speaks against that signer's chain.
 *
 * @param ticket where its place was reserved
 */
export function report(
  state: LedgerState,
  code: ProblemCode,
  at: Place,
  message: string,
  signer?: SignerChain,
  ticket?: number,
): void {
  const { line, sequence } = at;
  addProblem(state.problems, code, { line, sequence }, message, { faults: signer?.faults, ticket });
}
