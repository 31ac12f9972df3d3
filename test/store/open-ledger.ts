/** Ledgers in temporary homes, closed and removed after each test. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { JsonObject } from '../../src/core/json.js';
import type { SpendStore } from '../../src/core/spend-store.js';
import { type LedgerOptions, type LedgerStore, openLedger } from '../../src/store/index.js';

const homes: string[] = [];
const stores: LedgerStore[] = [];

afterEach(async () => {
  await Promise.allSettled(stores.splice(0).map((store) => store.close()));
  for (const home of homes.splice(0)) rmSync(home, { recursive: true, force: true, maxRetries: 3 });
});

/** An empty folder that is gone after the test. */
export function makeHome(): string {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'ag-home-')));
  homes.push(home);
  return home;
}

/** A store of scope `acme`, closed after the test. */
export async function open(home: string, options: Partial<LedgerOptions> = {}): Promise<LedgerStore> {
  const store = await openLedger({ home, scope: 'acme', durability: 'process', ...options });
  stores.push(store);
  return store;
}

/** Appends one row with a decision that names `n`. */
export async function add(store: SpendStore, n = 0, more: JsonObject = {}) {
  const decision = { decisionId: `d-${n}`, timestamp: '2026-10-01T12:00:00.000Z', n, ...more };
  return store.transact((view) => ({ result: view, drafts: [{ decision }] }));
}
