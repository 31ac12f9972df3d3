/** Small ledgers with fixed keys, for the tests of everything that reads receipts. */
import type { Signer } from '../../src/core/crypto.js';
import type { JsonObject } from '../../src/core/json.js';
import { createLedgerVerifier, type VerifyOptions } from '../../src/core/ledger-verifier.js';
import { type Receipt, sealReceipt, ZERO_HASH } from '../../src/core/receipt.js';
import type { FileReport, ProblemCode } from '../../src/core/report.js';
import { createNodeSigner, nodeBackend } from '../../src/store/node-crypto.js';

/** A signer from a one-digit seed: the same key in every run. */
export function fixedSigner(seed: number): Signer {
  const signer = signers.get(seed) ?? createNodeSigner(new Uint8Array(32).fill(seed));
  signers.set(seed, signer);
  return signer;
}

const signers = new Map<number, Signer>();

export interface FixtureRow {
  readonly signer: Signer;
  readonly decision?: JsonObject;
  /** Without `ledgerIndex` and the rest, as others write rows. */
  readonly foreign?: boolean;
}

/** Writes ledgers as the store does, and lets a test look at and break any row. */
export class LedgerWriter {
  readonly ledgerId: string;
  readonly lines: string[] = [];
  readonly receipts: Receipt[] = [];
  readonly #chains = new Map<string, { sequence: number; previousHash: string }>();
  #lastHash = ZERO_HASH;

  constructor(ledgerId = '0f'.repeat(16)) {
    this.ledgerId = ledgerId;
  }

  add({ signer, decision = {}, foreign = false }: FixtureRow): Receipt {
    const place = this.#chains.get(signer.publicKeyHex) ?? { sequence: 0, previousHash: ZERO_HASH };
    const index = this.lines.length;
    const order = {
      formatVersion: 1,
      ledgerId: this.ledgerId,
      ledgerIndex: index,
      ledgerPreviousHash: this.#lastHash,
    };
    const content = { ...fixtureDecision(index), ...decision, ...(foreign ? {} : order) };
    const { receipt, line } = sealReceipt(content, place, signer, nodeBackend);
    this.#chains.set(signer.publicKeyHex, { sequence: place.sequence + 1, previousHash: receipt.entryHash });
    this.#lastHash = receipt.entryHash;
    this.lines.push(line);
    this.receipts.push(receipt);
    return receipt;
  }
}

/** A ledger of ours whose rows are signed by the signers named: `writeLedger('aabab')`. */
export function writeLedger(
  pattern: string,
  options: {
    readonly foreign?: boolean;
    readonly ledgerId?: string;
    /** Rows from this one on say something else. */
    readonly suffix?: number;
  } = {},
) {
  const writer = new LedgerWriter(options.ledgerId);
  for (const [i, letter] of [...pattern].entries()) {
    const decision = i >= (options.suffix ?? Infinity) ? { expectedUsd: '0.000001' } : {};
    writer.add({ signer: fixedSigner(letter.charCodeAt(0)), foreign: options.foreign ?? false, decision });
  }
  return writer;
}

/** Verifies lines with `node:crypto`. */
export function verifyLines(
  lines: readonly (string | Uint8Array)[],
  options: VerifyOptions = {},
): FileReport {
  const verifier = createLedgerVerifier({ backend: nodeBackend, ...options, path: 'fixture' });
  for (const line of lines) verifier.push(typeof line === 'string' ? new TextEncoder().encode(line) : line);
  return verifier.finish();
}

const QUIET: readonly ProblemCode[] = ['UNPINNED_KEY', 'FRESH_KEYS'];

/** `CODE@line` of every problem but the notes about keys that no test ledger pins. */
export function problemsOf(report: FileReport): string[] {
  return report.problems
    .filter(({ code }) => !QUIET.includes(code))
    .map(({ code, line }) => `${code}@${line}`);
}

function fixtureDecision(index: number): JsonObject {
  return {
    decisionId: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    timestamp: new Date(Date.UTC(2026, 9, 1, 12, 0, index)).toISOString(),
    action: 'allow',
    actor: { tenantId: 'acme', userId: 'alice' },
    modelRequested: 'openai/gpt-5-mini',
    expectedUsd: '0.000128',
    reasons: ['within every cap'],
    triggeredCap: null,
  };
}
