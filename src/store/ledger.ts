/**
 * The one write path of a scope's ledger: catch up, let the caller decide, sign, append, as one unit between all
 * processes (design 3.3). Handles of one process on one folder share one ledger.
 */
import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CryptoBackend, Signer } from '../core/crypto.js';
import { AgentGuardError } from '../core/errors.js';
import type { Receipt } from '../core/receipt.js';
import type { Draft, LedgerFold, LedgerView, SpendStore, Written } from '../core/spend-store.js';
import { createChangeSignal } from './change-signal.js';
import { type Instance, openInstance } from './instance.js';
import { loadOrCreateSeed } from './keys.js';
import { type LedgerFile, type LedgerIo, openLedgerFile, type RowListener } from './ledger-file.js';
import { feed, sealDrafts, viewState } from './ledger-state.js';
import { createLock, type Lock } from './lock.js';
import { createNodeSigner, nodeBackend } from './node-crypto.js';
import { openHome, openScopeFolder, resolveHome, type ScopePaths } from './paths.js';
import { createRegistry } from './registry.js';
import { removeStalePreparations, removeStaleSockets } from './stale.js';

/** `disk`: `durable()` waits for a flush. `process`: a row survives the process, not a power loss. */
export type Durability = 'disk' | 'process';

export interface LedgerOptions {
  /** Default `AGENTGUARD_HOME`, else `~/.agentguard`. */
  readonly home?: string | undefined;
  /** The tenant: any text; see scope-folder.ts for what is refused. */
  readonly scope: string;
  /** Default `disk`. */
  readonly durability?: Durability | undefined;
  /** Milliseconds since 1970: names torn files, nothing else. */
  readonly now?: (() => number) | undefined;
  readonly backend?: CryptoBackend | undefined;
  /** How long a step waits for the lock of another living process. Default 30,000. */
  readonly lockWaitMs?: number | undefined;
  /** Replaces system calls, for tests. Handles that share a ledger share those of the first. */
  readonly io?: Partial<LedgerIo> | undefined;
}

type Step<T> = (view: LedgerView) => { result: T; drafts: readonly Draft[] };

interface Appended<T> {
  readonly result: T;
  readonly receipts: readonly Receipt[];
  readonly flush: () => Promise<void>;
}

interface Job {
  readonly run: () => void;
  readonly reject: (error: unknown) => void;
}

/** What one process has of one scope: shared by all its handles. */
interface SharedLedger {
  readonly paths: ScopePaths;
  readonly instance: Instance;
  readonly signer: Signer;
  readonly changes: ReturnType<typeof createChangeSignal>;
  transact<T>(step: Step<T>): Promise<Appended<T>>;
  attach(fold: LedgerFold): void;
  detach(fold: LedgerFold): void;
  flushAll(): Promise<void>;
  close(): Promise<void>;
}

/** Longest run of steps under one lock: others wait for it, and so does the event loop. */
const BATCH_STEPS = 64;
const BATCH_MS = 4;
/** More than this is read before the lock is taken, not under it. */
const LOCKED_READ_BYTES = 65_536;

const instances = createRegistry<Instance>();
const ledgers = createRegistry<SharedLedger>();

/** A store with what a person may want to see of it. */
export interface LedgerStore extends SpendStore {
  readonly paths: ScopePaths;
  /** The ledger's own key. */
  readonly publicKeyHex: string;
}

/**
 * Opens the ledger of a scope, making home, folder, key and file as needed. History is read by the first step.
 *
 * @throws AgentGuardError HOME_UNSAFE, SCOPE_NAME_INVALID, KEY_UNSAFE, LEDGER_UNWRITABLE
 */
export async function openLedger(options: LedgerOptions): Promise<LedgerStore> {
  const home = await openHome(resolveHome(options.home));
  const paths = await openScopeFolder(home, options.scope);
  const lease = await ledgers.lease(paths.folder, () => openSharedLedger(home, paths, options));
  return createHandle(lease.value, options.durability ?? 'disk', lease.release);
}

function createHandle(
  shared: SharedLedger,
  durability: Durability,
  release: () => Promise<void>,
): LedgerStore {
  const folds = new Set<LedgerFold>();
  const running = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;

  async function transact<T>(step: Step<T>): Promise<Written<T>> {
    if (closing) throw new AgentGuardError('LEDGER_CLOSED', `The ledger ${shared.paths.ledger} was closed.`);
    const job = shared.transact(step);
    running.add(job);
    try {
      const { result, receipts, flush } = await job;
      return { result, receipts, durable: durability === 'disk' ? flush : () => Promise.resolve() };
    } finally {
      running.delete(job);
    }
  }
  async function close(): Promise<void> {
    await Promise.allSettled(running);
    for (const fold of folds) shared.detach(fold);
    try {
      if (durability === 'disk') await shared.flushAll();
    } finally {
      await release();
    }
  }
  return {
    paths: shared.paths,
    publicKeyHex: shared.signer.publicKeyHex,
    instanceId: shared.instance.id,
    attach(fold) {
      folds.add(fold);
      shared.attach(fold);
    },
    detach(fold) {
      folds.delete(fold);
      shared.detach(fold);
    },
    transact,
    waitForChange: (timeoutMs, signal) => shared.changes.wait(timeoutMs, signal),
    async isAlive(instanceId) {
      const liveness = await shared.instance.probe(instanceId);
      return liveness === 'unknown' ? undefined : liveness === 'alive';
    },
    close() {
      closing ??= close();
      return closing;
    },
  };
}

async function openSharedLedger(
  home: string,
  paths: ScopePaths,
  options: LedgerOptions,
): Promise<SharedLedger> {
  const backend = options.backend ?? nodeBackend;
  const signer = createNodeSigner(await loadOrCreateSeed(paths.key));
  const file = openLedgerFile(paths.ledger, randomBytes(16).toString('hex'), backend, options.io);
  try {
    const lease = await instances.lease(home, () => openSweptInstance(home));
    const instance = lease.value;
    await removeStalePreparations(paths.folder, instance).catch(() => {});
    const lock = createLock(paths.folder, instance);
    const changes = createChangeSignal(() => file.changedBehind());
    const writer = createWriter(file, lock, signer, backend, options, changes.notify);
    async function close(): Promise<void> {
      lock.close();
      await file.close();
      await lease.release();
    }
    return { paths, instance, signer, changes, ...writer, close };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openSweptInstance(home: string): Promise<Instance> {
  const instance = await openInstance(home);
  // What dead ones left is untidy, not wrong: failing to sweep must not stop anybody.
  await removeStaleSockets(home, instance).catch(() => {});
  return instance;
}

/** The queue of one process before the lock, and what is done under it. */
function createWriter(
  file: LedgerFile,
  lock: Lock,
  signer: Signer,
  backend: CryptoBackend,
  options: LedgerOptions,
  notify: () => void,
) {
  const now = options.now ?? Date.now;
  const folds = new Set<LedgerFold>();
  /** Attached, history not yet read to them. */
  const fresh = new Set<LedgerFold>();
  const queue: Job[] = [];
  let draining = false;
  /** Set for good when the file is not the one that was written to. */
  let broken: AgentGuardError | undefined;
  const onRow: RowListener = (receipt, timestampMs) => feed(folds, receipt, timestampMs);

  function runStep<T>(step: Step<T>): Appended<T> {
    const { result, drafts } = step(viewState(file.state));
    const rows = sealDrafts(file.state, drafts, signer, backend, file.unnamed);
    if (rows.length > 0) file.append(rows, onRow);
    const end = file.offset;
    // The flusher of this moment: after a reopening a new one knows nothing of rows lost before.
    const { flusher } = file;
    return { result, receipts: rows.map((row) => row.receipt), flush: () => flusher.flush(end) };
  }

  /** Takes the lock and catches up, if all that is possible at once; else `getReady` does it step by step. */
  function isReadyNow(): boolean {
    if (broken) throw broken;
    return !file.poisoned && fresh.size === 0 && lock.tryAcquire() && catchUpLocked(LOCKED_READ_BYTES);
  }

  /** With the lock, which is let go of again when catching up fails or has to be done outside it. */
  function catchUpLocked(maxBytes: number): boolean {
    let done = false;
    try {
      done = fresh.size === 0 && !file.poisoned && file.catchUp(onRow, now(), maxBytes);
      return done;
    } finally {
      if (!done) lock.release();
    }
  }

  async function getReady(): Promise<void> {
    let maxBytes = LOCKED_READ_BYTES;
    do {
      if (broken) throw broken;
      if (file.poisoned) await file.reopen();
      for (const fold of fresh) await introduce(fold);
      while (maxBytes === LOCKED_READ_BYTES && file.measureAhead() > maxBytes) {
        // Something that is no row: only with the lock can damage be told from a write under way.
        if (!(await file.readAhead(onRow))) maxBytes = Infinity;
      }
      await lock.acquire(options.lockWaitMs);
    } while (!catchUpLocked(maxBytes));
  }

  async function introduce(fold: LedgerFold): Promise<void> {
    await file.replay((receipt, timestampMs) => fold.apply(receipt, timestampMs));
    // Unless it was detached meanwhile.
    if (fresh.delete(fold)) folds.add(fold);
  }

  function runBatch(): void {
    const until = performance.now() + BATCH_MS;
    for (let n = 0; n < BATCH_STEPS && fresh.size === 0 && !file.poisoned; n++) {
      const job = queue.shift();
      if (!job) return;
      try {
        job.run();
      } catch (error) {
        job.reject(error);
      }
      if (performance.now() > until) return;
    }
  }

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      try {
        if (!isReadyNow()) await getReady();
      } catch (error) {
        if (error instanceof AgentGuardError && error.code === 'LEDGER_REWRITTEN') broken = error;
        for (const job of queue.splice(0)) job.reject(error);
        return;
      }
      try {
        runBatch();
      } finally {
        lock.release();
      }
      notify();
      if (queue.length > 0) await nextTurn();
    }
  }

  function wake(): void {
    if (draining) return;
    draining = true;
    // In a microtask: calls made in one go share one hold of the lock.
    queueMicrotask(() => {
      void drain().finally(() => {
        draining = false;
        if (queue.length > 0) wake();
      });
    });
  }

  return {
    transact<T>(step: Step<T>): Promise<Appended<T>> {
      return new Promise<Appended<T>>((resolve, reject) => {
        queue.push({ run: () => resolve(runStep(step)), reject });
        wake();
      });
    },
    attach(fold: LedgerFold) {
      if (!folds.has(fold)) fresh.add(fold);
    },
    detach(fold: LedgerFold) {
      folds.delete(fold);
      fresh.delete(fold);
    },
    flushAll: () => file.flusher.flush(file.offset),
  };
}
