/** Small ledgers and what can be done to their bytes, for tests that compare two ways to verify. */
import { createRandom, type Random } from '../helpers/random.js';
import { fixedSigner, LedgerWriter } from './ledger-fixture.js';

const encoder = new TextEncoder();

/** A ledger of up to twelve rows, damaged in up to three places, or in none. The same for the same seed. */
export function makeMutatedLedger(seed: number): Uint8Array[] {
  const random = createRandom(seed);
  let lines = writeRows(random);
  for (let left = random.int(4); left > 0; left--) lines = random.pick(MUTATIONS)(random, lines);
  const bytes = lines.map((line) => encoder.encode(line));
  const hit = random.chance(0.3) ? random.pick(bytes) : undefined;
  // One flipped bit, anywhere: perhaps no UTF-8 any more.
  if (hit && hit.length > 0) hit[random.int(hit.length)]! ^= 1 << random.int(8);
  return bytes;
}

function writeRows(random: Random): string[] {
  const writer = new LedgerWriter();
  const many = 1 + random.int(12);
  for (let i = 0; i < many; i++) {
    const odd = random.chance(0.15) ? { note: random.pick(['é', 'a\nb', '\\', 'x']), ratio: 0.5 } : {};
    writer.add({ signer: fixedSigner(1 + random.int(3)), decision: odd, foreign: random.chance(0.1) });
  }
  return writer.lines;
}

const MUTATIONS: readonly ((random: Random, lines: readonly string[]) => string[])[] = [
  (random, lines) => lines.toSpliced(random.int(lines.length), 1),
  (random, lines) => lines.toSpliced(random.int(lines.length), 0, random.pick(lines) ?? ''),
  (random, lines) => {
    const [a, b] = [random.int(lines.length), random.int(lines.length)];
    return lines.map((line, i) => lines[i === a ? b : i === b ? a : i] ?? line);
  },
  onOne((line) => line.replace('0.000128', '0.000129')),
  onOne((line) => line.replace(/"signature":"(.)/, (_, digit) => `"signature":"${digit === '0' ? 1 : 0}`)),
  onOne((line) => line.replace(/"entryHash":"(.)/, (_, digit) => `"entryHash":"${digit === '0' ? 1 : 0}`)),
  onOne((line) => line.replace(/,"publicKeyHex":"[0-9a-f]*"/, '')),
  onOne((line) => line.replace(/"publicKeyHex":"(..)/, '"publicKeyHex":"00')),
  onOne((line) => line.replace(/"}$/, '","builderCode":"x"}')),
  onOne((line) => line.replace('{"decision":', '{ "decision": ')),
  onOne((line) => line.replace('"action":"allow"', '"action":"allow","action":"allow"')),
  onOne((line) => reverseKeys(line)),
  onOne((line, random) => line.slice(0, random.int(line.length))),
  // The signature of another row: right in form, wrong in place.
  (random, lines) => {
    const signature = /"signature":"[0-9a-f]{128}"/;
    const other = signature.exec(random.pick(lines) ?? '')?.[0] ?? '';
    return onOne((line) => (other === '' ? line : line.replace(signature, other)))(random, lines);
  },
];

function onOne(change: (line: string, random: Random) => string) {
  return (random: Random, lines: readonly string[]): string[] => {
    const at = random.int(lines.length);
    return lines.map((line, i) => (i === at ? change(line, random) : line));
  };
}

/** The same row as others may write it. */
function reverseKeys(line: string): string {
  try {
    return JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(line) as object).reverse()));
  } catch {
    return line;
  }
}
