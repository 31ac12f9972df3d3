/** Ledgers as another process has them: opened by a second copy of the package, which shares nothing with the first. */
import { onTestFinished, vi } from 'vitest';
import type { LedgerOptions, LedgerStore } from '../../src/store/index.js';

export type OpenElsewhere = (home: string, options?: Partial<LedgerOptions>) => Promise<LedgerStore>;

/** A fresh copy of the package. What it opens is closed after the test. */
export async function loadOtherProcess(): Promise<OpenElsewhere> {
  vi.resetModules();
  const { openLedger } = await import('../../src/store/index.js');
  return async (home, options) => {
    const store = await openLedger({ home, scope: 'acme', durability: 'process', ...options });
    onTestFinished(() => store.close().catch(() => {}));
    return store;
  };
}
