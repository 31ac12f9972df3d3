import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/core/bytes.js';
import { canonicalize } from '../../src/core/canonical-json.js';
import type { JsonObject } from '../../src/core/json.js';
import { WEIGHTS } from '../../src/core/problem-list.js';
import { FORMAT_VERSION, printPayload, readReceipt, sealReceipt, ZERO_HASH } from '../../src/core/receipt.js';
import { PROBLEM_CODES } from '../../src/core/report.js';
import { MAX_DEPTH, MAX_LINE_BYTES } from '../../src/core/row-reader.js';
import { createNodeSigner, nodeBackend } from '../../src/store/node-crypto.js';
import { problemsOf, verifyLines } from './ledger-fixture.js';

const text = readFileSync(new URL('../../docs/receipt-format.md', import.meta.url), 'utf8');

function block(kind: string): string {
  return text.split(`\`\`\`${kind}\n`)[1]?.split('\n```')[0] ?? '';
}

describe('docs/receipt-format.md', () => {
  it('explains every problem code, with its severity, a meaning and a way out', () => {
    const rows = [...text.matchAll(/^\| `([A-Z0-9_]+)` \| (\w+) \| (.+) \| (.+) \|$/gm)];
    expect(rows.map(([, code]) => code).toSorted()).toEqual([...PROBLEM_CODES].toSorted());
    for (const [, code, severity] of rows) {
      expect([code, severity]).toEqual([code, WEIGHTS[code as keyof typeof WEIGHTS].severity]);
    }
  });

  it('has an example whose hash and row are right', () => {
    const payload = block('json payload');
    expect(canonicalize(JSON.parse(payload) as JsonObject)).toBe(payload);
    expect(createHash('sha256').update(payload).digest('hex')).toBe(block('text hash'));
    expect(text).toContain(`these ${payload.length} bytes`);
    const reading = readReceipt(encodeUtf8(block('json row')));
    expect(reading.ok && printPayload(reading.value)).toBe(payload);
    expect(problemsOf(verifyLines([block('json row')]))).toEqual([]);
  });

  it('names the seed that signs the example', () => {
    const [seed = ''] = /(?<=seed `)[0-9a-f]{64}/.exec(text) ?? [];
    const signer = createNodeSigner(Buffer.from(seed, 'hex'));
    const { decision } = JSON.parse(block('json payload')) as { decision: JsonObject };
    expect(sealReceipt(decision, { sequence: 0, previousHash: ZERO_HASH }, signer, nodeBackend).line).toBe(
      block('json row'),
    );
  });

  it('states the limits that the reader has', () => {
    expect(text).toContain(`${MAX_LINE_BYTES.toLocaleString('en')} bytes`);
    expect(text).toContain(`nested deeper than ${MAX_DEPTH}`);
    expect(text).toContain(`format ${FORMAT_VERSION}\n`);
  });
});
