/**
 * Three processes, as three copies of the package, on one real ledger: the steps that random schedules are made of, and
 * what must hold after each of them.
 */
import { generateKeyPairSync } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, vi } from 'vitest';
import { parseUsd, type Usd } from '../../src/core/money.js';
import type { SpendPolicy } from '../../src/core/policy.js';
import type { Receipt } from '../../src/core/receipt.js';
import { checkLedger } from '../store/ledger-check.js';
import { LedgerModel, type ModelCap } from './ledger-model.js';

const START = Date.parse('2026-10-01T22:58:00.000Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const usd = (text: string) => parseUsd(text) as Usd;

const CAPS: Readonly<Record<string, readonly ModelCap[]>> = {
  wide: [
    { lengthMs: DAY, limit: usd('1') },
    { userId: 'alice', lengthMs: HOUR, limit: usd('0.5') },
  ],
  narrow: [{ lengthMs: HOUR, limit: usd('0.6') }],
};

function policyOf(id: 'wide' | 'narrow'): SpendPolicy {
  const caps: SpendPolicy['caps'] =
    id === 'wide'
      ? [
          { amountCents: 100, window: 'per_day', action: 'block' },
          { amountCents: 50, window: 'per_hour', action: 'block', selector: { userId: 'alice' } },
        ]
      : [{ amountCents: 60, window: 'per_hour', action: 'block' }];
  const effectiveFrom = '2026-01-01T00:00:00Z';
  return { id, name: id, scope: { tenantId: 'acme' }, caps, mode: 'enforce', version: 1, effectiveFrom };
}

export type Package = Awaited<ReturnType<typeof loadPackage>>;

/** A copy of the package that shares nothing with the others. */
export async function loadPackage() {
  vi.resetModules();
  const { openLedger } = await import('../../src/store/index.js');
  const { SpendGuard, setCostOverride } = await import('../../src/guard/index.js');
  const { AgentGuardError } = await import('../../src/core/errors.js');
  return { openLedger, SpendGuard, AgentGuardError, setCostOverride };
}

/** The keys of a caller who signs for himself. */
function makeSigningKeys() {
  const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const decode = (text: string | undefined) => new Uint8Array(Buffer.from(text ?? '', 'base64url'));
  return { privateKey: decode(jwk.d), publicKey: decode(jwk.x) };
}
const SIGNING_KEYS = makeSigningKeys();

const fault = (code: string): Error => Object.assign(new Error(`${code}: injected`), { code });

/** System calls that fail when told to: once, or from then on, as in a process that is gone. */
class FaultyIo {
  isDead = false;
  /** How many bytes of the next write get through before it fails; beyond its end, all but the last. */
  cutNextWrite: number | undefined;
  diesOnWrite = false;
  failNextFlush = false;

  writeSync(fd: number, bytes: Uint8Array): number {
    if (this.isDead) throw fault('EIO');
    const cut = this.cutNextWrite;
    if (cut === undefined) return fs.writeSync(fd, bytes);
    this.cutNextWrite = undefined;
    this.isDead = this.diesOnWrite;
    fs.writeSync(fd, bytes.subarray(0, cut > 2_000 ? bytes.length - (cut % 2) : cut % bytes.length));
    throw fault('ENOSPC');
  }
  ftruncateSync(fd: number, size: number): void {
    if (this.isDead) throw fault('EIO');
    fs.ftruncateSync(fd, size);
  }
  fdatasyncSync(): void {
    if (this.isDead) throw fault('EIO');
  }
  async fdatasync(): Promise<void> {
    const fails = this.isDead || this.failNextFlush;
    this.failNextFlush = false;
    if (fails) throw fault('EIO');
  }
}

type Allowed = Awaited<ReturnType<InstanceType<Package['SpendGuard']>['decide']>>;

interface Process {
  readonly pack: Package;
  readonly io: FaultyIo;
  readonly store: Awaited<ReturnType<Package['openLedger']>>;
  readonly guard: InstanceType<Package['SpendGuard']>;
  /** The same, but its calls wait for running ones. */
  readonly waiting: () => InstanceType<Package['SpendGuard']>;
  readonly open: Allowed[];
}

export const STEP = fc.record({
  kind: fc.constantFrom(
    ...['decide', 'decide', 'decide', 'together', 'settle', 'settle', 'lose', 'twice', 'release'],
    ...['wait', 'abort', 'price', 'close', 'restart', 'kill', 'dieWriting', 'failWrite', 'failFlush'],
    ...['tick', 'edge', 'back', 'spoil'],
  ),
  who: fc.nat(2),
  amount: fc.nat(4_000),
});
export type Step = typeof STEP extends fc.Arbitrary<infer T> ? T : never;

interface How {
  readonly guard?: Process['guard'];
  readonly signal?: AbortSignal;
  readonly isClosing?: boolean;
}

let worlds = 0;

export class World {
  /** Prices are of the process: each world has a model of its own. */
  readonly modelId = `test/model-${worlds++}`;
  readonly folder: string;
  readonly home = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'ag-model-')));
  readonly packs: readonly Package[];
  readonly processes: Process[] = [];
  readonly model = new LedgerModel(CAPS);
  readonly promised = new Set<string>();
  nowMs = START;
  newestMs = Number.NEGATIVE_INFINITY;
  seen = 0;
  errors = 0;

  constructor(packs: readonly Package[]) {
    this.packs = packs;
    this.folder = join(this.home, 'acme');
  }

  async start(who: number): Promise<void> {
    const pack = this.packs[who] as Package;
    const io = new FaultyIo();
    const store = await pack.openLedger({
      ...{ home: this.home, scope: 'acme', durability: who === 0 ? 'process' : 'disk' },
      ...{ partBytes: 5_000, snapshotRows: 4, now: () => this.nowMs },
      io: {
        writeSync: (fd, bytes) => io.writeSync(fd, bytes),
        ftruncateSync: (fd, size) => io.ftruncateSync(fd, size),
        fdatasyncSync: () => io.fdatasyncSync(),
        fdatasync: () => io.fdatasync(),
      },
    });
    const makeGuard = (waitForHoldsMs: number) =>
      new pack.SpendGuard({
        ...(who === 2 ? { policies: [policyOf('narrow'), policyOf('wide')] } : { policy: policyOf('wide') }),
        scope: { tenantId: 'acme', userId: who === 1 ? 'bob' : 'alice' },
        config: {
          ...{ store, clock: () => this.nowMs, waitForHoldsMs },
          ...(who === 1 ? { signingKeys: SIGNING_KEYS } : {}),
        },
      });
    this.setPrice(pack, 1);
    this.processes[who] = { pack, io, store, guard: makeGuard(0), waiting: () => makeGuard(15), open: [] };
  }

  /** US cents for a thousand output tokens. */
  setPrice(pack: Package, outputCentsPerKtok: number): void {
    pack.setCostOverride(this.modelId, { inputCentsPerKtok: 0, outputCentsPerKtok });
  }

  async run({ kind, who, amount }: Step): Promise<void> {
    const process = this.processes[who] as Process;
    const { io, guard, open } = process;
    const tokens = 1_000 * (1 + (amount % 35));
    const call = open[amount % Math.max(1, open.length)];
    if (kind === 'decide') await this.decide(process, tokens);
    else if (kind === 'together')
      await Promise.all(
        [0, 1, 2, 3].map((n) => this.decide(this.processes[(who + n) % 3] as Process, tokens)),
      );
    else if (kind === 'price') this.setPrice(process.pack, 1 + (amount % 3));
    else if (kind === 'abort') await this.abort(process, tokens, amount);
    else if (kind === 'wait') await this.wait(process, tokens, call);
    else if (kind === 'close') {
      const closing = this.tolerate(() => guard.close());
      await Promise.all([this.decide(process, tokens, { isClosing: true }), closing]);
      await this.restart(who);
    } else if (kind === 'tick') this.nowMs += amount * 10;
    else if (kind === 'edge') this.nowMs = Math.ceil((this.nowMs + 2) / HOUR) * HOUR - 1 + (amount % 3);
    else if (kind === 'back') this.nowMs -= amount % 2 ? 30_000 : 2 * HOUR;
    else if (kind === 'failWrite') io.cutNextWrite = amount;
    else if (kind === 'failFlush') io.failNextFlush = true;
    else if (kind === 'dieWriting') {
      Object.assign(io, { cutNextWrite: amount, diesOnWrite: true });
      await this.decide(process, tokens);
      await this.restart(who);
    } else if (kind === 'kill') {
      io.isDead = true;
      await this.restart(who);
    } else if (kind === 'restart') {
      await this.tolerate(() => guard.close());
      await this.restart(who);
    } else if (kind === 'spoil') this.spoilSnapshot(amount);
    else if (call) {
      open.splice(open.indexOf(call), 1);
      const costUsd = `${amount % 7}e-3`;
      if (kind === 'release') await this.tolerate(() => guard.release(call));
      else await this.tolerate(() => guard.settle(call, kind === 'lose' ? {} : { costUsd }));
      if (kind === 'twice') await this.tolerate(() => guard.settle(call, { costUsd: '0' }));
    }
    this.judgeNewRows();
  }

  /** A caller gives up: before, while or after his call is decided. */
  async abort(process: Process, tokens: number, amount: number): Promise<void> {
    const caller = new AbortController();
    const turns = amount % 8;
    const giveUp = async () => {
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      caller.abort();
    };
    await Promise.all([
      giveUp(),
      this.decide(process, tokens, { guard: process.waiting(), signal: caller.signal }),
    ]);
  }

  /** A call that may have to wait, while another one ends. */
  async wait(process: Process, tokens: number, running: Allowed | undefined): Promise<void> {
    const end = async () => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      if (!running) return;
      process.open.splice(process.open.indexOf(running), 1);
      await this.tolerate(() => process.guard.settle(running, { costUsd: '1e-3' }));
    };
    await Promise.all([this.decide(process, tokens, { guard: process.waiting() }), end()]);
  }

  async decide(process: Process, tokens: number, how: How = {}): Promise<void> {
    const { pack, open } = process;
    const { guard = process.guard, signal, isClosing = false } = how;
    const lagMs = this.newestOnDiskMs() - this.nowMs;
    try {
      const call = { model: this.modelId, inputTokens: 0, maxOutputTokens: tokens };
      const allowed = await guard.decide({ ...call, ...(signal ? { signal } : {}) });
      open.push(allowed);
      this.promised.add(allowed.receipt.entryHash);
    } catch (error) {
      if (signal?.aborted && error === signal.reason) return;
      if (!(error instanceof pack.AgentGuardError)) throw error;
      if (isClosing && error.code === 'LEDGER_CLOSED') return;
      // A refusal is a row, which the model judges. Failures come from faults alone.
      if (error.code === 'CLOCK_BEHIND_LEDGER') expect(lagMs).toBeGreaterThan(60_000);
      else if (error.code.startsWith('LEDGER')) {
        this.errors++;
        expect(error.code).toBe('LEDGER_UNWRITABLE');
        expect(String((error as { cause?: unknown }).cause)).toMatch(/injected/);
      }
    }
  }

  async tolerate(act: () => Promise<unknown>): Promise<void> {
    await act().catch((error: unknown) => {
      if ((error as { code?: unknown }).code !== 'LEDGER_UNWRITABLE') throw error;
      this.errors++;
    });
  }

  async restart(who: number): Promise<void> {
    await this.tolerate(() => (this.processes[who] as Process).store.close());
    await this.start(who);
  }

  spoilSnapshot(at: number): void {
    const path = join(this.folder, 'snapshot.json');
    if (!fs.existsSync(path)) return;
    const bytes = fs.readFileSync(path);
    bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ 4;
    fs.writeFileSync(path, bytes);
  }

  readRows(): Receipt[] {
    const names = fs.readdirSync(this.folder).filter((name) => /^decisions/.test(name));
    // "-" comes before ".", so that the newest is the last.
    const whole = Buffer.concat(names.sort().map((name) => fs.readFileSync(join(this.folder, name))));
    const path = join(this.home, 'whole');
    fs.writeFileSync(path, whole.subarray(0, whole.lastIndexOf(0x0a) + 1));
    return checkLedger(path);
  }

  judgeNewRows(): void {
    const names = fs
      .readdirSync(this.folder)
      .filter((name) => /^decisions/.test(name))
      .sort();
    const lines = names.flatMap((name) => {
      const text = fs.readFileSync(join(this.folder, name), 'latin1');
      return text
        .slice(0, text.lastIndexOf('\n') + 1)
        .split('\n')
        .slice(0, -1);
    });
    for (const line of lines.slice(this.seen)) {
      this.seen++;
      const receipt = JSON.parse(line) as Receipt;
      this.newestMs = Date.parse(String(receipt.decision.timestamp));
      this.model.take(receipt);
    }
  }

  /** A row that lacks only its line feed is none for a reader yet, but the next writer finishes it. */
  newestOnDiskMs(): number {
    const path = join(this.folder, 'decisions.ndjson');
    const text = fs.existsSync(path) ? fs.readFileSync(path, 'latin1') : '';
    try {
      const unfinished = JSON.parse(text.slice(text.lastIndexOf('\n') + 1)) as Receipt;
      return Math.max(this.newestMs, Date.parse(String(unfinished.decision.timestamp)));
    } catch {
      return this.newestMs;
    }
  }

  /** Everything ends; one starts once more, without faults; what was promised is there. */
  async finish(): Promise<void> {
    for (const { store } of this.processes) await this.tolerate(() => store.close());
    const who = this.seen % 3;
    await this.start(who);
    this.nowMs = Math.max(this.nowMs, this.newestOnDiskMs());
    await this.decide(this.processes[who] as Process, 5_000);
    this.judgeNewRows();
    const rows = this.readRows();
    expect(rows.length).toBe(this.seen);
    const hashes = new Set(rows.map((row) => row.entryHash));
    for (const promised of this.promised) expect(hashes.has(promised)).toBe(true);
  }

  async end(): Promise<void> {
    for (const process of this.processes) await process?.store.close().catch(() => {});
    fs.rmSync(this.home, { recursive: true, force: true, maxRetries: 3 });
  }
}
