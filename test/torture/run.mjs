// npm run torture [-- <seconds> [<seed>]]: real processes, threads and clusters on one ledger while they are killed and
// stopped, clocks go back, disks fill up, snapshots are spoilt, permissions revoked and the ledger is taken away or put
// back as it was before; then the invariants. Needs the built package. Default: 60 seconds.
import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { judge } from './judge.mjs';

const seconds = Number(process.argv[2] ?? 60);
const seed = Number(process.argv[3] ?? Math.floor(Math.random() * 2 ** 31));
const CALLER = fileURLToPath(new URL('caller.mjs', import.meta.url));
const BIN = fileURLToPath(new URL('../../bin/agentguard.js', import.meta.url));
const MODES = ['plain', 'faulty', 'threads', 'cluster', 'skewed'];
/** Root is refused nothing: its callers run as nobody. */
const NOBODY = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
const home = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'ag-torture-')));
const folder = join(home, 'torture');
const disk = mountSmallDisk();
const tally = {
  started: 0,
  killed: 0,
  stopped: 0,
  spoilt: 0,
  filled: 0,
  revoked: 0,
  removed: 0,
  older: 0,
  errors: {},
};
const wrong = [];
const bills = [];
const children = new Map();
let state = seed | 1;

function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) / 2 ** 32;
}

/** A disk that can be filled, where this user may mount one. */
function mountSmallDisk() {
  const options = `size=512m,mode=700,uid=${NOBODY.uid ?? process.getuid()}`;
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', home]).status === 0) return 'tmpfs';
  if (NOBODY.uid) fs.chownSync(home, NOBODY.uid, NOBODY.gid);
  return 'none: mounting is not allowed here, a full disk is injected only';
}

function start() {
  const mode = MODES[tally.started++ % MODES.length];
  const args = [CALLER, home, String(seed + tally.started * 1_000), mode];
  // A group of its own: a cluster dies as one.
  const child = spawn(process.execPath, args, {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
    ...NOBODY,
  });
  children.set(child.pid, child);
  child.stdin.on('error', () => {});
  child.once('exit', () => children.delete(child.pid));
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [kind, id, entryHash, usd] = line.split(' ');
    if (kind === 'bill' && usd !== undefined) bills.push({ id, entryHash, usd });
    else if (kind === 'error') tally.errors[id] = (tally.errors[id] ?? 0) + 1;
  });
}

function signal(child, name) {
  try {
    process.kill(-child.pid, name);
  } catch {
    // It has ended meanwhile.
  }
}

async function harm() {
  const all = [...children.values()];
  const child = all[Math.floor(random() * all.length)];
  const kind = random();
  if (kind < 0.5 && child) {
    tally.killed++;
    signal(child, 'SIGKILL');
  } else if (kind < 0.8 && child) {
    tally.stopped++;
    signal(child, 'SIGSTOP');
    await sleep(50 + random() * 300);
    signal(child, 'SIGCONT');
  } else if (kind < 0.83) await revoke();
  else if (kind < 0.89) await takeAway();
  else if (kind < 0.92) {
    const path = join(folder, 'snapshot.json');
    if (fs.existsSync(path)) {
      tally.spoilt++;
      fs.writeFileSync(path, 'spoilt');
    }
  } else if (disk === 'tmpfs') await fillDisk();
}

/** Nobody may write or rename in the folder for a moment. */
async function revoke() {
  if (!fs.existsSync(folder)) return;
  tally.revoked++;
  fs.chmodSync(folder, 0o500);
  await sleep(200);
  fs.chmodSync(folder, 0o700);
}

/**
 * The newest part is gone for a moment, or stands there as it was after its first row. Whoever saw more must refuse, and
 * so must those who start meanwhile, from the snapshot.
 */
async function takeAway() {
  const ledger = join(folder, 'decisions.ndjson');
  const aside = join(home, '.aside');
  const older = join(home, '.older');
  const isOlder = random() < 0.5;
  // A rotation may be under way: then there is nothing to take.
  if (!snapshotSawNewest() || !tryRename(ledger, aside)) return;
  if (isOlder) {
    const bytes = fs.readFileSync(aside);
    fs.writeFileSync(older, bytes.subarray(0, bytes.indexOf(0x0a) + 1), { mode: 0o600 });
    if (NOBODY.uid) fs.chownSync(older, NOBODY.uid, NOBODY.gid);
    fs.renameSync(older, ledger);
  }
  tally[isOlder ? 'older' : 'removed']++;
  const size = sizeOf(ledger);
  await sleep(300);
  if (sizeOf(ledger) !== size) wrong.push(`a ledger of ${size} bytes became one of ${sizeOf(ledger)}`);
  // Those that saw it refuse from now on, as they should: others take their place.
  for (const child of children.values()) signal(child, 'SIGKILL');
  await sleep(50);
  fs.renameSync(aside, ledger);
}

/** Whether there is a snapshot of more than the first row of the newest part: without, only running guards know more. */
function snapshotSawNewest() {
  try {
    const { state } = JSON.parse(fs.readFileSync(join(folder, 'snapshot.json'), 'utf8'));
    const newest = fs.readFileSync(join(folder, 'decisions.ndjson'));
    const parts = fs.readdirSync(folder).filter((name) => /^decisions-/.test(name)).length;
    return state.part === parts && state.offset > newest.indexOf(0x0a) + 1;
  } catch {
    return false;
  }
}

function sizeOf(path) {
  return fs.existsSync(path) ? fs.statSync(path).size : undefined;
}

function tryRename(from, to) {
  try {
    fs.renameSync(from, to);
    return true;
  } catch {
    return false;
  }
}

async function fillDisk() {
  tally.filled++;
  const ballast = join(home, '.ballast');
  const { bavail, bsize } = fs.statfsSync(home);
  spawnSync('fallocate', ['-l', String(Math.max(1, bavail - 16) * bsize), ballast]);
  try {
    for (let n = 0; n < 64; n++) fs.appendFileSync(ballast, Buffer.alloc(4_096));
  } catch {
    // Full, as wanted.
  }
  await sleep(200);
  fs.rmSync(ballast, { force: true });
}

async function endAll() {
  for (const child of children.values()) child.stdin.end('end\n');
  for (let waited = 0; children.size > 0 && waited < 15_000; waited += 50) await sleep(50);
  for (const child of children.values()) signal(child, 'SIGKILL');
  for (let waited = 0; children.size > 0 && waited < 5_000; waited += 50) await sleep(50);
  // What was printed last is still on its way.
  await sleep(200);
}

function cli(...args) {
  const options = { encoding: 'utf8', ...NOBODY };
  const result = spawnSync(process.execPath, [BIN, ...args, '--home', home, '--json'], options);
  return { code: result.status, report: JSON.parse(result.stdout || '{}'), err: result.stderr };
}

console.log(`torture: seed ${seed}, ${seconds} s, disk ${disk}`);
let failed = true;
try {
  const until = Date.now() + seconds * 1000;
  while (Date.now() < until) {
    while (children.size < 4) start();
    await sleep(100 + random() * 400);
    await harm();
  }
  await endAll();
  const repaired = cli('doctor', '--repair');
  const verified = cli('verify');
  const judged = await judge(join(folder, 'decisions.ndjson'), bills);
  const { counts } = judged;
  const problems = [...wrong, ...judged.problems];
  const parts = fs.readdirSync(folder).filter((name) => name.startsWith('decisions')).length;
  const torn = fs.readdirSync(folder).filter((name) => name.startsWith('torn-')).length;
  console.log(JSON.stringify({ ...tally, bills: bills.length, ...counts, parts, torn }));
  if (repaired.code !== 0)
    problems.push(`doctor: ${JSON.stringify(repaired.report.checks?.filter((c) => c.status === 'fail'))}`);
  if (verified.code !== 0)
    problems.push(`verify: ${JSON.stringify(verified.report.files?.[0]?.problems?.slice(0, 3))}`);
  console.log(problems.length === 0 ? 'clean' : `NOT CLEAN:\n${problems.slice(0, 20).join('\n')}`);
  failed = problems.length > 0;
} finally {
  for (const child of children.values()) signal(child, 'SIGKILL');
  if (failed) console.log(`left for a look: ${home}`);
  else {
    if (disk === 'tmpfs') spawnSync('umount', [home]);
    fs.rmSync(home, { recursive: true, force: true });
  }
}
process.exitCode = failed ? 1 : 0;
