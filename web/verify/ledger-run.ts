/** A whole ledger, checked from its lines as they come in; in flat memory. */
import type { CryptoBackend } from '../../src/core/crypto.js';
import { createLedgerVerifier, type VerifyOptions } from '../../src/core/ledger-verifier.js';
import type { FileReport } from '../../src/core/report.js';

/** Takes the lines of one ledger in parts, in order, each after the promise of the one before. */
export interface LedgerRun {
  push(part: Uint8Array): Promise<void>;
  finish(): Promise<FileReport>;
}

const LINE_FEED = 10;

/** @param held what the ledger is held against besides itself */
export function startLedgerRun(
  path: string,
  backend: CryptoBackend,
  held: Omit<VerifyOptions, 'backend'> = {},
): LedgerRun {
  const verifier = createLedgerVerifier({ ...held, path, backend });
  let rest: Uint8Array = new Uint8Array();
  return {
    async push(part) {
      const bytes = join(rest, part);
      let from = 0;
      for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, from)) {
        await verifier.push(bytes.subarray(from, end));
        from = end + 1;
      }
      rest = bytes.slice(from);
    },
    async finish() {
      await verifier.pushTornTail(rest);
      await verifier.settle();
      return verifier.finish();
    },
  };
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
