/** `agentguard serve` as a process, and the programs that write what it shows. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BIN } from '../helpers/consumer.js';

const FIXTURES = fileURLToPath(new URL('fixtures', import.meta.url));
const run = promisify(execFile);

export interface Dashboard {
  readonly url: string;
  /** Lets a browser in, once, within a minute. */
  readonly link: string;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
}

/** Starts the dashboard and waits for its address. `port` 0 is any free one. */
export async function startDashboard(home: string, port = 0): Promise<Dashboard> {
  const child = spawn(
    process.execPath,
    [BIN, 'serve', '--home', home, '--no-open', '--json', '--port', String(port)],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const { url, link } = await readAddress(child);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    url,
    link,
    kill() {
      child.kill('SIGKILL');
      return ended;
    },
  };
}

function readAddress(child: ChildProcess): Promise<{ url: string; link: string }> {
  return new Promise((resolve, reject) => {
    let text = '';
    let errors = '';
    child.stderr?.on('data', (chunk) => {
      errors += chunk;
    });
    child.stdout?.on('data', (chunk) => {
      text += chunk;
      try {
        resolve(JSON.parse(text));
      } catch {
        // Not all of it yet.
      }
    });
    child.once('exit', (code) => reject(new Error(`serve ended with ${code}: ${errors}`)));
  });
}

/** A home with a company's ledger, scope `acme`. */
export async function makeDemoHome(calls: number): Promise<string> {
  const home = await makeEmptyHome();
  await run(process.execPath, [join(FIXTURES, 'demo-home.mjs'), home, String(calls)]);
  return home;
}

export function makeEmptyHome(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'agentguard-e2e-'));
}

export function removeHome(home: string): Promise<void> {
  return rm(home, { recursive: true, force: true });
}

/** Makes guarded calls in a process of their own. */
export async function makeCalls(home: string, user: string, calls = 1): Promise<void> {
  await run(process.execPath, [join(FIXTURES, 'calls.mjs'), home, user, String(calls)]);
}

/** Runs a command of the command line on a home. */
export async function runCommand(home: string, ...args: readonly string[]): Promise<string> {
  return (await run(process.execPath, [BIN, ...args, '--home', home])).stdout;
}
