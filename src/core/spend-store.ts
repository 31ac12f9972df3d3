/**
 * The seam between the guard and whatever keeps its rows: files on one machine today, shared counters later.
 * Implemented by `store/ledger.ts` and, for tests and short-lived agents, `store/memory-store.ts`.
 */
import type { Signer } from './crypto.js';
import type { Json, JsonObject } from './json.js';
import type { Policy } from './policy.js';
import type { Receipt } from './receipt.js';

/** The part of an `AbortSignal` that waiting needs; `core` knows no platform types. */
export interface CancelSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/**
 * Reads rows in ledger order and keeps something about them. It must be idempotent and must not throw. One that has a
 * name can be saved with the store's snapshot, so that the next process need not read the history again.
 */
export interface LedgerFold {
  /** Folds of one name keep the same: given the same rows, `save` gives the same. */
  readonly name?: string;
  /** `timestampMs` is the row's own signed time, `NaN` when it has none. */
  apply(receipt: Receipt, timestampMs: number): void;
  /** What the rows so far add up to. */
  save?(): Json;
  /** Takes the place of all rows before; untrusted. Says false, unchanged, when it is not what `save` gives. */
  load?(saved: Json): boolean;
}

/** What a step may look at: the ledger, caught up to its last complete row, while nobody else can write. */
export interface LedgerView {
  readonly ledgerId: string;
  /** Index of the next row. */
  readonly nextIndex: number;
  /** Time of the newest row in milliseconds since 1970, or `-Infinity`. */
  readonly lastTimestampMs: number;
}

/** A row to write: the decision without the fields that only the store knows, and who signs it. */
export interface Draft {
  /**
   * The store adds `formatVersion`, `ledgerId`, `ledgerIndex`, `ledgerPreviousHash` (and `tornTail` after a
   * recovery); everything else is the caller's.
   */
  readonly decision: JsonObject;
  /** Absent: the ledger's own key. */
  readonly signer?: Signer;
}

export interface Written<T> {
  readonly result: T;
  /** The rows of the step, in order, as written. */
  readonly receipts: readonly Receipt[];
  /** Resolves when the rows are on disk; concurrent callers share one flush. */
  readonly durable: () => Promise<void>;
}

export interface SpendStore {
  /** Names this process, or worker thread, to others: what `isAlive` is asked about. */
  readonly instanceId: string;
  /** Feeds every row, from the first, to `fold` before the next step runs, and each new row after that. */
  attach(fold: LedgerFold): void;
  detach(fold: LedgerFold): void;
  /**
   * Catches up, calls `step` synchronously, signs and appends what it returns, as one unit: no other process
   * writes in between. A step that throws writes nothing and the error reaches the caller.
   * @throws AgentGuardError LEDGER_* and HOME_UNSAFE, when the rows could not be written: nothing was.
   */
  transact<T>(step: (view: LedgerView) => { result: T; drafts: readonly Draft[] }): Promise<Written<T>>;
  /** Resolves when the ledger may have changed, or after `timeoutMs`. Rejects with the signal's reason. */
  waitForChange(timeoutMs: number, signal?: CancelSignal): Promise<void>;
  /** Whether the process behind an `instanceId` of this ledger still lives. `undefined`: cannot be told. */
  isAlive(instanceId: string): Promise<boolean | undefined>;
  /** Keeps a policy where whoever reads the ledger finds it, unless it is there. A store may do without. */
  keepPolicy?(policy: Policy): Promise<void>;
  /** Flushes and lets go of everything. Idempotent. */
  close(): Promise<void>;
}
