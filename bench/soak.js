/**
 * Hours of the dashboard in minutes: a guard in another process makes calls, 200 readers follow the events, one of them asks
 * like a page does; memory of the server is read all along. `node bench/soak.js [minutes] [calls a second]`
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BENCH_DIR } from './guards.js';
import { percentile } from './measure.js';

const BIN = fileURLToPath(new URL('../bin/agentguard.js', import.meta.url));
const CALLER = fileURLToPath(new URL('soak-caller.js', import.meta.url));
const STREAMS = 200;
const DAY_MS = 86_400_000;
const QUESTIONS = ['rows?limit=200', 'facets?', 'summary?by=model,team', 'rows?limit=100&offset=50', 'caps?'];
const FILTERS = ['', 'action:block', 'user:u1*', 'model:anthropic/* cost:>0.00001'];

const [minutes = '10', callsPerSecond = '20'] = process.argv.slice(2);
const home = await mkdtemp(join(BENCH_DIR, 'agentguard-soak-'));
const server = spawn(process.execPath, [BIN, 'serve', '--home', home, '--no-open', '--json', '--port', '0'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const caller = spawn(process.execPath, [CALLER, home, callsPerSecond], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  const { url, link } = await readJson(server.stdout);
  const cookie = await enter(link);
  const samples = [];
  const seen = { events: 0, lost: 0 };
  for (let n = 0; n < STREAMS; n++) openStream(url, cookie, seen, samples);
  await soak(url, cookie, samples, seen, Number(minutes) * 60);
} finally {
  for (const child of [caller, server]) {
    child.kill('SIGKILL');
    await new Promise((done) => child.once('exit', done));
  }
  await rm(home, { recursive: true, force: true });
}

async function soak(url, cookie, samples, seen, seconds) {
  console.log('| minute | resident, MB | rows | events | append → reader, p50 | p99 | slowest question |');
  console.log('|---|---|---|---|---|---|---|');
  const sizes = [];
  for (let second = 1; second <= seconds; second++) {
    await new Promise((done) => setTimeout(done, 1_000));
    const slowest = await askAll(url, cookie, second);
    sizes.push(readResident(server.pid));
    if (second % 30 !== 0) continue;
    const { ledgers } = await ask(url, cookie, 'status');
    const part = samples.splice(0);
    const ms = (share) => `${part.length ? percentile(part, share).toFixed(0) : '-'} ms`;
    console.log(
      `| ${(second / 60).toFixed(1)} | ${sizes.at(-1)} | ${ledgers[0]?.rows ?? 0} | ${seen.events} | ${ms(0.5)} | ${ms(0.99)} | ${slowest.toFixed(0)} ms |`,
    );
  }
  const [early, late] = [sizes.slice(20, 50), sizes.slice(-30)].map((part) => percentile(part, 0.5));
  console.log(`\nresident after half a minute ${early} MB, at the end ${late} MB; told "lost": ${seen.lost}`);
}

/** What a page asks when rows came. Milliseconds of the slowest. */
async function askAll(url, cookie, turn) {
  const q = encodeURIComponent(FILTERS[turn % FILTERS.length]);
  const nowMs = Date.now();
  const series = `series?by=team&stepMs=3600000&sinceMs=${nowMs - DAY_MS}&untilMs=${nowMs}`;
  let slowest = 0;
  for (const question of [...QUESTIONS, series]) {
    const start = performance.now();
    await ask(url, cookie, `${question}&q=${q}`);
    slowest = Math.max(slowest, performance.now() - start);
  }
  return slowest;
}

function ask(url, cookie, path) {
  return new Promise((resolve, reject) => {
    const headers = { cookie, 'sec-fetch-site': 'same-origin' };
    request(`${url}api/${path}`, { headers, agent: false }, (response) => {
      resolve(readJson(response));
    })
      .on('error', reject)
      .end();
  });
}

/** Rows carry the moment of their decision: its age when the reader has it is the whole way, the guard's own write in it. */
function openStream(url, cookie, seen, samples) {
  const headers = { cookie, 'sec-fetch-site': 'same-origin' };
  request(`${url}api/events`, { headers, agent: false }, (response) => {
    response.setEncoding('utf8').on('data', (text) => {
      const nowMs = Date.now();
      if (text.includes('event: lost')) seen.lost++;
      for (const [, atMs] of text.matchAll(/"state":"held"[^{}]*"timestampMs":(\d+)/g)) {
        seen.events++;
        samples.push(nowMs - Number(atMs));
      }
    });
  })
    .on('error', (error) => server.exitCode === null && !server.killed && console.error(String(error)))
    .end();
}

function enter(link) {
  return new Promise((resolve, reject) => {
    request(link, (response) => {
      response.resume();
      resolve(String(response.headers['set-cookie']).split(';')[0]);
    })
      .on('error', reject)
      .end();
  });
}

function readJson(stream) {
  return new Promise((resolve, reject) => {
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      try {
        resolve(JSON.parse(text));
      } catch {
        // Not all of it yet.
      }
    });
    stream.once('end', () => reject(new Error(`no JSON: ${text.slice(0, 200)}`)));
  });
}

/** MB, as Linux counts them. */
function readResident(pid) {
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}
