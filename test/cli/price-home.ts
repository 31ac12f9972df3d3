/** A home, a server of prices and the models command between them. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeHome } from '../helpers/home.js';
import { type Answer, type PriceServer, sendJson, startPriceServer } from '../helpers/price-server.js';
import { type CliResult, type CliWorld, runCli } from './run-cli.js';

export const BIN = fileURLToPath(new URL('../../bin/agentguard.js', import.meta.url));
export const TABLE = 'pricing.json';
export const NOW_MS = Date.parse('2026-10-01T12:00:00Z');

export interface Listing {
  readonly data: readonly { readonly id: string; readonly pricing: Readonly<Record<string, string>> }[];
}

/** A home, a server, and a sync between them. */
export async function openPrices(answer: Answer | object) {
  const home = await makeHome();
  const server = await startPriceServer(typeof answer === 'function' ? (answer as Answer) : sendJson(answer));
  const sync = (...more: readonly string[]): Promise<CliResult> =>
    runCli(['models', '--sync-pricing', '--url', server.url, '--timeout', '5', ...more], {
      home,
      nowMs: NOW_MS,
    });
  const models = (words: readonly string[] = [], world: CliWorld = {}): Promise<CliResult> =>
    runCli(['models', ...words], { home, nowMs: NOW_MS, ...world });
  return { home, server, sync, models };
}

export function serve(
  server: PriceServer,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  server.answer = sendJson(value, headers);
}

export async function readTable(home: string, name = TABLE): Promise<Buffer | undefined> {
  return readFile(join(home, name)).catch(() => undefined);
}

export async function readPrices(home: string): Promise<Map<string, Record<string, string>>> {
  const { models } = JSON.parse(String(await readTable(home)));
  return new Map(
    models.map((model: { id: string; pricing: Record<string, string> }) => [model.id, model.pricing]),
  );
}

/** The built program as a process of its own. */
export function spawnBin(argv: readonly string[], env: Readonly<Record<string, string>>): Promise<CliResult> {
  return runProcess(process.execPath, [BIN, ...argv], { PATH: process.env.PATH ?? '', ...env });
}

/** A program, its input closed, no terminal. */
export function runProcess(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CliResult> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { env }, (error, out, err) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, out, err });
    });
    child.stdin?.end();
  });
}
