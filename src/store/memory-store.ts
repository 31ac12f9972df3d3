/** A ledger in memory with the semantics of the one on disk: for tests and for agents that leave nothing behind. */
import { randomBytes } from 'node:crypto';
import type { CryptoBackend, Signer } from '../core/crypto.js';
import { AgentGuardError } from '../core/errors.js';
import type { Receipt } from '../core/receipt.js';
import type { Draft, LedgerFold, LedgerView, SpendStore, Written } from '../core/spend-store.js';
import { createChangeSignal } from './change-signal.js';
import { addRow, createLedgerState, feed, readTimestamp, sealDrafts, viewState } from './ledger-state.js';
import { createNodeSigner, nodeBackend } from './node-crypto.js';

export interface MemoryStoreOptions {
  /** Signs rows whose drafts bring no signer. Default: a new key. */
  readonly signer?: Signer | undefined;
  readonly backend?: CryptoBackend | undefined;
  /** Default random. */
  readonly instanceId?: string | undefined;
}

export interface MemoryStore extends SpendStore {
  /** All rows so far, in order; grows as rows are added. */
  readonly receipts: readonly Receipt[];
  /** The rows as a ledger file holds them, each with its line feed. */
  readonly lines: readonly string[];
}

/** Makes an empty ledger in memory. Only its own instance counts as alive. */
export function createMemoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const backend = options.backend ?? nodeBackend;
  const signer = options.signer ?? createNodeSigner(randomBytes(32));
  const instanceId = options.instanceId ?? randomBytes(8).toString('hex');
  const state = createLedgerState(randomBytes(16).toString('hex'));
  const receipts: Receipt[] = [];
  const lines: string[] = [];
  const folds = new Set<LedgerFold>();
  const changes = createChangeSignal();
  let closed = false;

  function runStep<T>(step: (view: LedgerView) => { result: T; drafts: readonly Draft[] }): Written<T> {
    const { result, drafts } = step(viewState(state));
    const rows = sealDrafts(state, drafts, signer, backend);
    for (const { receipt, line } of rows) {
      receipts.push(receipt);
      lines.push(`${line}\n`);
      feed(folds, receipt, addRow(state, receipt));
    }
    if (rows.length > 0) changes.notify();
    return { result, receipts: rows.map((row) => row.receipt), durable: () => Promise.resolve() };
  }

  return {
    receipts,
    lines,
    instanceId,
    attach(fold) {
      if (folds.has(fold)) return;
      for (const receipt of receipts) fold.apply(receipt, readTimestamp(receipt));
      folds.add(fold);
    },
    detach: (fold) => void folds.delete(fold),
    async transact(step) {
      if (closed) throw new AgentGuardError('LEDGER_CLOSED', 'The ledger in memory was closed.');
      // A turn later, as on disk: nothing of the step happens before `transact` returned.
      await Promise.resolve();
      return runStep(step);
    },
    waitForChange: changes.wait,
    isAlive: (other) => Promise.resolve(other === instanceId && !closed),
    async close() {
      closed = true;
    },
  };
}
