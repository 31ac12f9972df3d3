/** A home folder of its own for each test, removed afterwards. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export async function makeHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'agentguard-test-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  return home;
}

export type Row = Record<string, unknown> & { readonly decision: Record<string, unknown> };

/** The rows of a scope's ledger, as plain JSON. */
export async function readRows(home: string, scope = 'acme'): Promise<Row[]> {
  const text = await readFile(join(home, scope, 'decisions.ndjson'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
}
