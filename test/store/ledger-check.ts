/** An independent look at a ledger file: every row whole, hashed, signed, linked to its signer's and to the ledger's last. */
import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { decodeHex, encodeHex } from '../../src/core/bytes.js';
import { hashPayload, type Receipt, readReceipt, ZERO_HASH } from '../../src/core/receipt.js';
import { nodeBackend } from '../../src/store/index.js';

const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

/** All rows of the file; throws at the first that is not what it should be. */
export function checkLedger(path: string): Receipt[] {
  const text = readFileSync(path);
  if (text.length > 0 && text.at(-1) !== 0x0a) throw new Error('the last line is not complete');
  const lines = text.toString('latin1').split('\n').slice(0, -1);
  const heads = new Map<string, Receipt>();
  let previous = ZERO_HASH;
  return lines.map((line, index) => {
    const reading = readReceipt(Buffer.from(line, 'latin1'));
    if (!reading.ok) throw new Error(`row ${index}: ${reading.message}`);
    const row = reading.value;
    const head = heads.get(row.publicKeyHex ?? '');
    const problem = findProblem(row, head, index, previous);
    if (problem) throw new Error(`row ${index}: ${problem}`);
    heads.set(row.publicKeyHex ?? '', row);
    previous = row.entryHash;
    return row;
  });
}

function findProblem(
  row: Receipt,
  head: Receipt | undefined,
  index: number,
  previous: string,
): string | undefined {
  const hash = hashPayload(nodeBackend, row);
  if (encodeHex(hash) !== row.entryHash) return 'hash';
  const der = Buffer.concat([SPKI_HEAD, decodeHex(row.publicKeyHex ?? '') ?? Buffer.alloc(0)]);
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  if (!verify(null, hash, key, decodeHex(row.signature) ?? Buffer.alloc(64))) return 'signature';
  if (row.sequence !== (head ? head.sequence + 1 : 0)) return 'sequence';
  if (row.previousHash !== (head?.entryHash ?? ZERO_HASH)) return 'previousHash';
  if (row.decision.ledgerId === undefined) return undefined;
  if (row.decision.ledgerIndex !== index) return 'ledgerIndex';
  return row.decision.ledgerPreviousHash === previous ? undefined : 'ledgerPreviousHash';
}
