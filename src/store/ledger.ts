/**
 * The ledger of a scope on disk, as a store. Handles of one process on one folder share one ledger; between processes
 * the lock keeps order (design 3.3).
 */
import { randomBytes } from 'node:crypto';
import type { SignedCheckpoint } from '../core/checkpoint.js';
import type { CryptoBackend } from '../core/crypto.js';
import { AgentGuardError } from '../core/errors.js';
import type { LedgerFold, SpendStore, Written } from '../core/spend-store.js';
import { type ChangeSignal, createChangeSignal } from './change-signal.js';
import { createCheckpointKeeper, finishCheckpoint, writeCheckpoint } from './checkpoint-keeper.js';
import { type Instance, openInstance } from './instance.js';
import { loadOrCreateSeed } from './keys.js';
import { closeLedgerFile, hasChanged, type LedgerIo, openLedgerFile } from './ledger-file.js';
import { feed } from './ledger-state.js';
import { createLock } from './lock.js';
import { createNodeSigner, nodeBackend } from './node-crypto.js';
import { openHome, openScopeFolder, resolveHome, type ScopePaths } from './paths.js';
import { keepPolicy } from './policy-folder.js';
import { createRegistry } from './registry.js';
import { readSnapshot } from './snapshot.js';
import { createSnapshotKeeper, isLastSnapshotDue, restoreSnapshot, takeSnapshot } from './snapshot-keeper.js';
import { removeStalePreparations, removeStaleSockets } from './stale.js';
import { attachFold, detachFold, runInTurn, type Step, type Writer } from './writer.js';

/** `disk`: `durable()` waits for a flush. `process`: a row survives the process, not a power loss. */
export type Durability = 'disk' | 'process';

export interface LedgerOptions {
  /** Default `AGENTGUARD_HOME`, else `~/.agentguard`. */
  readonly home?: string | undefined;
  /** The tenant: any text; see scope-folder.ts for what is refused. */
  readonly scope: string;
  /** Default `disk`. */
  readonly durability?: Durability | undefined;
  /** Milliseconds since 1970: names torn files, nothing else. Default the system's clock. */
  readonly now?: (() => number) | undefined;
  readonly backend?: CryptoBackend | undefined;
  /** Milliseconds that a step waits for the lock of another living process. Default 30,000. */
  readonly lockWaitMs?: number | undefined;
  /** Bytes after which a ledger file is full and the next one begins. Default 64 MiB. */
  readonly partBytes?: number | undefined;
  /** Rows between two snapshots. Default 10,000. */
  readonly snapshotRows?: number | undefined;
  /** Rows between two checkpoints. Default 1,024. */
  readonly checkpointRows?: number | undefined;
  /**
   * Opens a ledger whatever its snapshot says, for an operator who is about to sign that it is meant to be so; the next
   * row makes the snapshot worthless. Alone: no other handle of this process has the ledger open.
   */
  readonly ignoresSnapshot?: boolean | undefined;
  /** Replaces system calls, for tests. Handles that share a ledger have the options of the first but for durability. */
  readonly io?: Partial<LedgerIo> | undefined;
}

/** A store with what a person may want to see of it. */
export interface LedgerStore extends SpendStore {
  readonly paths: ScopePaths;
  /** The ledger's own key, 64 hex; another one after a rotation. */
  readonly publicKeyHex: string;
  /**
   * A signed checkpoint of all rows there are, once they are on disk.
   * @returns `undefined` when there are none, or other processes write faster than they are counted
   */
  checkpoint(): Promise<SignedCheckpoint | undefined>;
}

/** What one process has of one scope: shared by all its handles. */
interface SharedLedger {
  readonly paths: ScopePaths;
  readonly instance: Instance;
  readonly changes: ChangeSignal;
  readonly writer: Writer;
  close(): Promise<void>;
}

const PART_BYTES = 67_108_864;

const instances = createRegistry<Instance>();
const ledgers = createRegistry<SharedLedger>();

/**
 * Opens the ledger of a scope, making home, folder, key and file as needed. History is read by the first step.
 *
 * @throws AgentGuardError HOME_UNSAFE, SCOPE_NAME_INVALID, KEY_UNSAFE, LEDGER_UNWRITABLE; LEDGER_REWRITTEN when the ledger
 *   is shorter than or unlike its snapshot, LEDGER_CORRUPT when a part of it is missing.
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
  const { paths, instance, changes, writer } = shared;
  const folds = new Set<LedgerFold>();
  const running = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;

  async function transact<T>(step: Step<T>): Promise<Written<T>> {
    if (closing) throw new AgentGuardError('LEDGER_CLOSED', `The ledger ${paths.ledger} was closed.`);
    const job = runInTurn(writer, step);
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
    for (const fold of folds) detachFold(writer, fold);
    try {
      if (durability === 'disk') await writer.file.flusher.flush(writer.file.offset);
      await finishSnapshot(writer, durability === 'disk');
      await finishCheckpoint(writer.file, writer.checkpoints, writer.signer, durability === 'disk');
    } finally {
      await release();
    }
  }
  return {
    paths,
    get publicKeyHex() {
      return writer.signer.publicKeyHex;
    },
    async checkpoint() {
      await transact(() => ({ result: undefined, drafts: [] }));
      await writer.checkpoints.writing;
      return writeCheckpoint(writer.file, writer.signer);
    },
    instanceId: instance.id,
    transact,
    attach(fold) {
      folds.add(fold);
      attachFold(writer, fold);
    },
    detach(fold) {
      folds.delete(fold);
      detachFold(writer, fold);
    },
    keepPolicy: (policy) => keepPolicy(paths.folder, policy),
    waitForChange: changes.wait,
    async isAlive(instanceId) {
      const liveness = await instance.probe(instanceId);
      return liveness === 'unknown' ? undefined : liveness === 'alive';
    },
    close: () => (closing ??= close()),
  };
}

async function finishSnapshot({ file, snapshots, folds }: Writer, flushed: boolean): Promise<void> {
  await snapshots.writing;
  if (isLastSnapshotDue(file, snapshots, flushed)) await takeSnapshot(file, snapshots, folds);
}

async function openSharedLedger(
  home: string,
  paths: ScopePaths,
  options: LedgerOptions,
): Promise<SharedLedger> {
  const backend = options.backend ?? nodeBackend;
  const signer = createNodeSigner(await loadOrCreateSeed(paths.key));
  const folds = new Set<LedgerFold>();
  const snapshots = createSnapshotKeeper(options.snapshotRows);
  const checkpoints = createCheckpointKeeper(options.checkpointRows);
  const reading = await readSnapshot(paths.folder);
  snapshots.isWitness = options.ignoresSnapshot === true;
  snapshots.replaces = reading.kind === 'bad' || snapshots.isWitness;
  const file = openLedgerFile({
    folder: paths.folder,
    ledgerId: randomBytes(16).toString('hex'),
    backend,
    onRow: (receipt, timestampMs) => feed(folds, receipt, timestampMs),
    now: options.now ?? Date.now,
    partBytes: options.partBytes ?? PART_BYTES,
    io: options.io,
    mustExist: reading.kind === 'good' && !snapshots.replaces,
    mayLackNewest: snapshots.isWitness,
  });
  try {
    if (reading.kind === 'good' && !snapshots.replaces) restoreSnapshot(file, snapshots, reading.snapshot);
    const lease = await instances.lease(home, () => openSweptInstance(home));
    const instance = lease.value;
    await removeStalePreparations(paths.folder, instance).catch(ignore);
    const lock = createLock(paths.folder, instance);
    const changes = createChangeSignal(() => hasChanged(file));
    const idle = { freshFolds: new Set<LedgerFold>(), queue: [], draining: false, broken: undefined };
    const { lockWaitMs } = options;
    const writer: Writer = {
      file,
      lock,
      signer,
      keyPath: paths.key,
      lockWaitMs,
      notify: changes.notify,
      folds,
      snapshots,
      checkpoints,
      ...idle,
    };
    async function close(): Promise<void> {
      lock.close();
      await closeLedgerFile(file);
      await lease.release();
    }
    return { paths, instance, changes, writer, close };
  } catch (error) {
    await closeLedgerFile(file);
    throw error;
  }
}

async function openSweptInstance(home: string): Promise<Instance> {
  const instance = await openInstance(home);
  await removeStaleSockets(home, instance).catch(ignore);
  return instance;
}

/** What dead instances left is untidy, not wrong: failing to sweep must not stop anybody. */
function ignore(): void {}
