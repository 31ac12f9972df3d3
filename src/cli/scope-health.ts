/** The health of one scope: folder, key, lock, ledger, open holds, torn files and clock. */
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { AgentGuardError } from '../core/errors.js';
import { showUsd } from '../core/money.js';
import { count } from '../core/verdicts.js';
import { MAX_CLOCK_LAG_MS } from '../store/acknowledge.js';
import { loadSeed } from '../store/keys.js';
import { listFullParts, namePart } from '../store/ledger-parts.js';
import type { Prober } from '../store/liveness.js';
import { readOwner } from '../store/lock.js';
import { createNodeSigner } from '../store/node-crypto.js';
import type { ScopePaths } from '../store/paths.js';
import { explainSystemError } from './cli-error.js';
import { judgeGrants, judgePolicyFiles, judgeStop } from './control-health.js';
import { fail, fine, type HealthCheck, printAge, warn } from './health.js';
import { checkFolder } from './home-health.js';
import { examineLedger, type LedgerHealth, type OpenHold } from './ledger-health.js';
import { shorten } from './print.js';
import { checkSnapshot } from './snapshot-health.js';

const MAX_LISTED_HOLDS = 5;
const MAX_LISTED_MODELS = 5;
/** Older calls tell nothing about the programs of today, in milliseconds. */
const RECENT_MS = 30 * 86_400_000;

export interface ScopeWorld {
  readonly paths: ScopePaths;
  readonly prober: Prober;
  readonly nowMs: number;
  readonly signal: AbortSignal;
  /** The command that proves this ledger. */
  readonly verify: string;
  /** The command that mends this home. */
  readonly repair: string;
  /** The command that acknowledges this scope as it is. */
  readonly acknowledge: string;
  /** The command that lets calls be decided again. */
  readonly resume: string;
}

/** Looks at one scope. Never throws because of what it finds. */
export async function checkScope(world: ScopeWorld): Promise<readonly HealthCheck[]> {
  const { paths } = world;
  const name = (what: string): string => `${shorten(paths.scope, 40)}: ${what}`;
  const stats = await fs.lstat(paths.folder).catch((cause: unknown) => cause as Error);
  if (stats instanceof Error) return [fail(name('folder'), `${paths.folder} ${explainSystemError(stats)}`)];
  return [
    checkFolder(name('folder'), paths.folder, stats),
    await checkKey(name('key'), paths),
    await checkLock(name('lock'), world),
    ...(await checkLedger(name, world)),
    await checkSnapshot(name('snapshot'), world),
  ];
}

async function checkKey(name: string, { key, ledger }: ScopePaths): Promise<HealthCheck> {
  try {
    const seed = await loadSeed(key);
    if (seed) return fine(name, `fingerprint ${createNodeSigner(seed).fingerprint}, private (0600)`);
    const hasLedger = await fs.lstat(ledger).then(
      () => true,
      () => false,
    );
    if (!hasLedger) return fine(name, 'none yet; the first guarded call makes it');
    return warn(
      name,
      'there is a ledger, but its key is gone',
      'restore it from a backup, or a new one starts a new chain',
    );
  } catch (error) {
    if (error instanceof AgentGuardError) return fail(name, error.message.replace(/\.$/, ''), error.hint);
    throw error;
  }
}

async function checkLock(name: string, { paths, prober }: ScopeWorld): Promise<HealthCheck> {
  const lock = join(paths.folder, 'lock');
  const owner = readOwner(lock);
  if (owner === undefined) return fine(name, 'free');
  const liveness = await prober.probe(owner);
  const who = `process ${shorten(owner, 20)}`;
  if (liveness === 'alive') return fine(name, `held by ${who}, which runs`);
  if (liveness === 'dead') return fine(name, `held by ${who}, which ended: the next writer takes it over`);
  return fail(
    name,
    `held by ${who}, of which nothing is known: writers wait for it and are then refused`,
    `make sure that no process uses this home, then run: rm -r ${lock}`,
  );
}

async function checkLedger(
  name: (what: string) => string,
  world: ScopeWorld,
): Promise<readonly HealthCheck[]> {
  const { paths, signal } = world;
  const stats = await fs.lstat(paths.ledger).catch((cause: NodeJS.ErrnoException) => cause);
  if (stats instanceof Error) {
    if (stats.code !== 'ENOENT')
      return [fail(name('ledger'), `${paths.ledger} ${explainSystemError(stats)}`)];
    if (listFullParts(paths.folder).length > 0)
      return [
        warn(
          name('ledger'),
          'its newest part is not there: a rotation was broken off',
          `run: ${world.repair}`,
        ),
      ];
    return [
      warn(name('ledger'), 'there is none; if there was one, it was removed', 'restore it from a backup'),
    ];
  }
  if (!stats.isFile())
    return [
      fail(name('ledger'), `${paths.ledger} is not a plain file`, 'move it away, or restore the ledger'),
    ];
  if (stats.mode & 0o022)
    return [
      fail(
        name('ledger'),
        `${paths.ledger} may be written to by other users`,
        `run: chmod 600 ${paths.ledger}`,
      ),
    ];
  const missing = findMissingPart(listFullParts(paths.folder));
  if (missing !== undefined)
    return [
      fail(
        name('ledger'),
        `${namePart(missing)} is missing: guards refuse to write, and its rows are a gap`,
        'restore it from a backup',
      ),
    ];
  try {
    const health = await examineLedger(paths.ledger, signal);
    return [
      judgeRows(name('ledger'), health, world.verify),
      await judgeHolds(name('holds'), health.holds, world),
      judgePrices(name('prices'), health.zeroOverrides, world.nowMs),
      await judgeTornFiles(name('torn files'), health, paths.folder),
      judgeClock(name('clock'), health.newestMs, world),
      judgeStop(name('stop'), health.controls, world),
      judgeGrants(name('grants'), health.controls, world.nowMs),
      judgePolicyFiles(name('policy files'), health.controls, world.nowMs),
    ];
  } catch (cause) {
    if (signal.aborted || !(cause instanceof Error && 'code' in cause)) throw cause;
    return [fail(name('ledger'), `${paths.ledger} ${explainSystemError(cause)}`)];
  }
}

function judgeRows(name: string, { rows, damage, tornBytes }: LedgerHealth, verify: string): HealthCheck {
  if (damage !== undefined) {
    const message = `damaged after row ${rows}: ${shorten(damage.replace(/\.$/, ''), 200)}; guards refuse to write to it`;
    return fail(name, message, `restore the file from a backup; ${verify} names every problem`);
  }
  if (tornBytes > 0)
    return warn(
      name,
      `${count(rows, 'row')}, then ${count(tornBytes, 'byte')} without a line feed: a write was cut off, or is under way`,
      'the next guarded call finishes the row or sets the bytes aside',
    );
  return fine(
    name,
    rows === 0 ? 'no rows yet' : `${count(rows, 'row')}, hashes and links unbroken (signatures: ${verify})`,
  );
}

/** Holds of processes that ended: what they reserved stays spent until somebody learns the truth. */
async function judgeHolds(
  name: string,
  holds: readonly OpenHold[],
  { prober, nowMs }: ScopeWorld,
): Promise<HealthCheck> {
  if (holds.length === 0) return fine(name, 'none open');
  const orphans: OpenHold[] = [];
  for (const hold of holds) {
    if ((await prober.probe(hold.instance)) !== 'alive') orphans.push(hold);
  }
  const running = holds.length - orphans.length;
  if (orphans.length === 0) return fine(name, `${count(running, 'running call')}`);
  const total = orphans.reduce((sum, hold) => sum + hold.reservedUsd, 0n);
  const listed = orphans.slice(0, MAX_LISTED_HOLDS).map((hold) => {
    const age = Number.isNaN(hold.timestampMs) ? 'undated' : printAge(nowMs - hold.timestampMs);
    return `${shorten(hold.decisionId, 40)} ${showUsd(hold.reservedUsd)} (${age})`;
  });
  const more = orphans.length > MAX_LISTED_HOLDS ? ` and ${orphans.length - MAX_LISTED_HOLDS} more` : '';
  const message = `${count(orphans.length, 'call')} never settled, their process ended; ${showUsd(total)} stays held: ${listed.join(', ')}${more}`;
  return warn(name, message, 'they count until their window ends; nothing has to be done');
}

/** A price of zero is what nothing exceeds: every cap of the model is disarmed. */
function judgePrices(name: string, zeroOverrides: ReadonlyMap<string, number>, nowMs: number): HealthCheck {
  const models = Array.from(zeroOverrides).filter(([, atMs]) => nowMs - atMs < RECENT_MS);
  if (models.length === 0) return fine(name, 'no recent call was priced at zero by hand');
  const listed = models.slice(0, MAX_LISTED_MODELS).map(([model]) => shorten(model, 60));
  const more = models.length > listed.length ? ` and ${models.length - listed.length} more` : '';
  return warn(
    name,
    `setCostOverride prices ${listed.join(', ')}${more} at zero, which disarms every cap on them`,
    'give the price that is billed, or remove the override and sync prices',
  );
}

async function judgeTornFiles(
  name: string,
  { tornFiles }: LedgerHealth,
  folder: string,
): Promise<HealthCheck> {
  const names = (await fs.readdir(folder)).filter((file) => /^torn-.*\.ndjson$/.test(file));
  if (names.length === 0) return fine(name, 'none');
  const unnamed = names.filter((file) => !tornFiles.has(file));
  if (unnamed.length === 0) return fine(name, `${names.length}, each named by a row of the ledger`);
  return warn(
    name,
    `${unnamed.length} not yet named by a row: ${unnamed.slice(0, 3).join(', ')}`,
    'the next guarded call names them',
  );
}

/** The first part that later ones leave out. */
function findMissingPart(full: readonly number[]): number | undefined {
  const gap = full.findIndex((part, at) => part !== at);
  return gap < 0 ? undefined : gap;
}

function judgeClock(name: string, newestMs: number, { nowMs, acknowledge }: ScopeWorld): HealthCheck {
  if (newestMs === Number.NEGATIVE_INFINITY) return fine(name, 'no row to compare with');
  const aheadMs = newestMs - nowMs;
  if (aheadMs <= 0) return fine(name, `newest row ${printAge(-aheadMs)} ago`);
  const message = `the newest row is ${printAge(aheadMs)} ahead of this clock`;
  return aheadMs > MAX_CLOCK_LAG_MS
    ? fail(
        name,
        `${message}: guarded calls are refused`,
        `set the clock of this machine; if it is right, run: ${acknowledge}`,
      )
    : warn(name, message, 'check the clock of this machine');
}
