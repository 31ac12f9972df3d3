/** One ledger of a snapshot, read once: its calls, and where the rows of each signer stand. */
import { encodeUtf8 } from '../../src/core/bytes.js';
import type { CallRecord } from '../../src/core/call-record.js';
import { createGaugeFold, type GaugeFold } from '../../src/core/cap-gauges.js';
import { nobleBackend } from '../../src/core/ed25519.js';
import { parseInstant } from '../../src/core/instant.js';
import { readKeptPolicy } from '../../src/core/kept-policy.js';
import type { Policy } from '../../src/core/policy.js';
import { ownValue, readReceipt } from '../../src/core/receipt.js';
import { createRecordFold } from '../../src/core/record-fold.js';
import type { SnapshotLedger } from '../../src/core/snapshot-data.js';

export interface ListedCall {
  readonly record: CallRecord;
  /** Places of its rows in the ledger. */
  readonly rows: readonly number[];
}

export interface SnapshotSigner {
  readonly fingerprint: string;
  readonly publicKeyHex: string | null;
  rows: number;
}

export interface ReadLedger {
  readonly data: SnapshotLedger;
  readonly calls: readonly ListedCall[];
  readonly gauges: GaugeFold;
  readonly policies: readonly Policy[];
  readonly signers: readonly SnapshotSigner[];
  readonly ledgerId: string | null;
  readonly headHash: string | null;
  readonly firstMs: number | null;
  readonly lastMs: number | null;
  /** The neighbouring line of the same signer, -1 for the one before and 1 for the one after. */
  findInChain(at: number, step: -1 | 1): string | null;
}

export function readLedger(data: SnapshotLedger): ReadLedger {
  const policies = Object.entries(data.policies).flatMap(([hash, text]) => {
    const kept = readKeptPolicy(encodeUtf8(text), hash, nobleBackend);
    return kept.ok ? [kept.value] : [];
  });
  const calls = new Map<string, ListedCall>();
  const fold = createRecordFold(data.scope, ({ record, rows }) => {
    calls.set(`${record.row}`, { record, rows: [...rows] });
  });
  const gauges = createGaugeFold(data.scope, policies);
  const signers = new Map<string, SnapshotSigner>();
  const signerOf: string[] = [];
  let [ledgerId, headHash]: (string | null)[] = [null, null];
  const times: number[] = [];
  fold.skip(data.firstRow);
  for (const line of data.lines) {
    const reading = readReceipt(encodeUtf8(line));
    if (!reading.ok) {
      fold.skip();
      signerOf.push('');
      continue;
    }
    const { decision, signerFingerprint, publicKeyHex, entryHash } = reading.value;
    const time = ownValue(decision, 'timestamp');
    const timestampMs = (typeof time === 'string' ? parseInstant(time) : undefined) ?? Number.NaN;
    fold.apply(reading.value, timestampMs);
    gauges.apply(reading.value, timestampMs);
    const signer = signers.get(signerFingerprint) ?? {
      fingerprint: signerFingerprint,
      publicKeyHex: publicKeyHex ?? null,
      rows: 0,
    };
    signer.rows++;
    signers.set(signerFingerprint, signer);
    signerOf.push(signerFingerprint);
    headHash = entryHash;
    const id = ownValue(decision, 'ledgerId');
    if (typeof id === 'string') ledgerId = id;
    if (Number.isFinite(timestampMs)) times.push(timestampMs);
  }
  return {
    data,
    calls: [...calls.values()],
    gauges,
    policies,
    signers: [...signers.values()],
    ledgerId: ledgerId ?? null,
    headHash: headHash ?? null,
    firstMs: times[0] ?? null,
    lastMs: times.at(-1) ?? null,
    findInChain(at, step) {
      const signer = signerOf[at];
      for (let next = at + step; signer && next >= 0 && next < signerOf.length; next += step)
        if (signerOf[next] === signer) return data.lines[next] ?? null;
      return null;
    },
  };
}
