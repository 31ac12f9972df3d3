/**
 * Checks signatures on all cores, for the verification of large ledgers: threads take them in batches while the caller
 * goes on. What a thread that died left open is checked here: no answer is ever taken for "valid".
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { SignatureChecker } from '../core/crypto.js';
import { verifyStrict } from '../core/ed25519.js';
import { nodeBackend } from './node-crypto.js';
import { allocateBatch, openBatch, type SignatureBatch } from './signature-batch.js';

export interface SignaturePool extends SignatureChecker {
  /** Ends the threads. Signatures that are under way are not answered. */
  close(): Promise<void>;
}

export interface SignaturePoolOptions {
  /** Default: one for each core, at most 8: then reading the rows takes longer than their signatures. */
  readonly threads?: number;
  /** So many signatures are checked here before the threads are started. Default 2,000: about what starting costs. */
  readonly startAfter?: number;
  /** Signatures in a batch. Default 128, about 10 ms of work. */
  readonly batchRows?: number;
  /** The module that the threads run. For tests. */
  readonly workerUrl?: URL;
}

interface Batch {
  readonly id: number;
  readonly memory: SharedArrayBuffer;
  readonly view: SignatureBatch;
  readonly listeners: ((valid: boolean) => void)[];
}

interface Thread {
  readonly worker: Worker;
  /** Batches that it has not answered, by id. */
  readonly pending: Map<number, Batch>;
}

const MAX_THREADS = 8;
const START_AFTER = 2_000;
const BATCH_ROWS = 128;
/** So that a thread never waits for its next batch. */
const BATCHES_PER_THREAD = 3;
/** A thread leaves only short-lived objects: without a limit, each of them would keep up to 48 MB of them around. */
const YOUNG_MB = 4;
const WORKER_URL = new URL('./signature-worker.js', import.meta.url);

/** Starts no thread before there is enough to do. */
export function createSignaturePool(options: SignaturePoolOptions = {}): SignaturePool {
  const { threads = Math.min(MAX_THREADS, availableParallelism()), startAfter = START_AFTER } = options;
  const { batchRows = BATCH_ROWS, workerUrl = WORKER_URL } = options;
  const free: Batch[] = [];
  let running: Thread[] = [];
  let checked = 0;
  let state: 'idle' | 'started' | 'closed' = 'idle';
  let current: Batch | undefined;
  let wake: (() => void) | undefined;

  function start(): void {
    state = 'started';
    for (let i = 0; i < threads; i++) {
      running.push(startThread(workerUrl, finish, leave));
      for (let j = 0; j < BATCHES_PER_THREAD; j++)
        free.push(createBatch(i * BATCHES_PER_THREAD + j, batchRows));
    }
  }
  function finish(batch: Batch): void {
    tellAll(batch);
    free.push(batch);
    wake?.();
  }
  function leave(thread: Thread): void {
    if (state === 'closed') return;
    running = running.filter((other) => other !== thread);
    for (const batch of thread.pending.values()) finish(batch);
    thread.pending.clear();
  }
  function send(batch: Batch): void {
    const [least] = running.toSorted((a, b) => a.pending.size - b.pending.size);
    if (!least) {
      finish(batch);
      return;
    }
    const { id, memory, listeners } = batch;
    least.pending.set(id, batch);
    least.worker.postMessage({ id, memory, count: listeners.length });
  }
  /** Resolves at the next batch that comes back. */
  function next(): Promise<void> {
    return new Promise((resolve) => {
      wake = resolve;
    });
  }
  async function waitForFree(): Promise<void> {
    while (free.length === 0) await next();
  }
  return {
    check(publicKeyHex, hash, signature, tell) {
      if (checked++ >= startAfter && state === 'idle') start();
      current ??= running.length > 0 ? free.pop() : undefined;
      if (!current) return tell(isValid(publicKeyHex, hash, signature));
      if (!current.view.write(current.listeners.length, publicKeyHex, hash, signature)) return tell(false);
      current.listeners.push(tell);
      if (current.listeners.length < batchRows) return;
      send(current);
      current = undefined;
      if (free.length === 0) return waitForFree();
    },
    async drain() {
      if (current) send(current);
      current = undefined;
      while (running.some((thread) => thread.pending.size > 0)) await next();
    },
    async close() {
      state = 'closed';
      const ended = running.map(({ worker }) => worker.terminate());
      running = [];
      await Promise.all(ended);
    },
  };
}

function startThread(url: URL, finish: (batch: Batch) => void, leave: (thread: Thread) => void): Thread {
  // Without the flags of this process: a thread that only computes needs none of them.
  const worker = new Worker(url, { execArgv: [], resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } });
  const thread: Thread = { worker, pending: new Map() };
  worker.on('message', (id: number) => {
    const batch = thread.pending.get(id);
    if (!batch) return;
    thread.pending.delete(id);
    finish(batch);
  });
  // Its end is all that matters; without a listener the error would end the process.
  worker.on('error', () => {});
  worker.on('exit', () => leave(thread));
  return thread;
}

function createBatch(id: number, rows: number): Batch {
  const memory = allocateBatch(rows);
  return { id, memory, view: openBatch(memory), listeners: [] };
}

function tellAll({ view, listeners }: Batch): void {
  for (const [at, tell] of listeners.entries()) {
    const answer = view.answerOf(at);
    tell(answer === 'open' ? isOpenValid(view, at) : answer === 'valid');
  }
  listeners.length = 0;
}

function isOpenValid(view: SignatureBatch, at: number): boolean {
  const { publicKey, hash, signature } = view.read(at);
  return verifyStrict(nodeBackend, publicKey, hash, signature) === true;
}

function isValid(publicKeyHex: string, hash: Uint8Array, signature: string): boolean {
  const [key, bytes] = [Buffer.from(publicKeyHex, 'hex'), Buffer.from(signature, 'hex')];
  return verifyStrict(nodeBackend, key, hash, bytes) === true;
}
