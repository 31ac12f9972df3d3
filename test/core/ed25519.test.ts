import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hashes, Point, verify as verifyByNoble } from '@noble/ed25519';
import { sha512 } from '@noble/hashes/sha2.js';
import { describe, expect, it } from 'vitest';
import { concatBytes, encodeHex } from '../../src/core/bytes.js';
import { isSoundKey, nobleBackend, verifyStrict } from '../../src/core/ed25519.js';
import { chooseBackend, createWebCryptoBackend } from '../../src/core/web-crypto.js';
import { nodeBackend } from '../../src/store/node-crypto.js';
import { referenceData } from '../helpers/reference-data.js';
import { craftSignatures, TORSION } from './crafted-signatures.js';

const web = createWebCryptoBackend(globalThis.crypto.subtle);
const backends = [nodeBackend, web, nobleBackend];
const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));

async function verifyEverywhere(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) {
  const answers = await Promise.all(
    backends.map((backend) => verifyStrict(backend, publicKey, message, signature)),
  );
  return Object.fromEntries(backends.map(({ name }, i) => [name, answers[i]]));
}

const VECTORS = new URL('../vectors/ed25519/crafted.json', import.meta.url);

function printVectors(): string {
  const vectors = craftSignatures().map(({ name, key, message, signature, valid }) => {
    return { name, key: encodeHex(key), message: encodeHex(message), signature: encodeHex(signature), valid };
  });
  return `${JSON.stringify(vectors, null, 2)}\n`;
}

if (process.env.UPDATE_VECTORS) {
  mkdirSync(new URL('.', VECTORS), { recursive: true });
  writeFileSync(VECTORS, printVectors());
}

const everywhere = (valid: boolean) => ({ node: valid, webcrypto: valid, noble: valid });

describe('the one rule for signatures', () => {
  it.each(craftSignatures())(
    'answers $valid everywhere for $name',
    async ({ key, message, signature, valid }) => {
      expect(await verifyEverywhere(key, message, signature)).toEqual(everywhere(valid));
    },
  );

  it('has its crafted signatures in test/vectors, for other languages', () => {
    expect(readFileSync(VECTORS, 'utf8')).toBe(printVectors());
  });

  it('is needed: each platform alone would accept something crafted', async () => {
    hashes.sha512 = sha512;
    const crafted = craftSignatures().filter(({ valid }) => !valid);
    const fooled = crafted.filter(({ key, message, signature }) =>
      nodeBackend.verifyRaw(key, message, signature),
    );
    // Older platforms take the identity as R as well; newer ones do not.
    expect(fooled.map(({ name }) => name)).toContain('A has a torsion part that k cancels');
    const foolNoble = crafted.filter(({ key, message, signature }) => {
      try {
        return verifyByNoble(signature, message, key, { zip215: false });
      } catch {
        return false;
      }
    });
    expect(foolNoble.map(({ name }) => name)).toContain('R has a torsion part');
  });

  it('needs the platform for the equation only: everything else is refused before it is asked', () => {
    const credulous = { ...nodeBackend, verifyRaw: () => true };
    const passed = craftSignatures().filter(({ key, message, signature }) => {
      return verifyStrict(credulous, key, message, signature);
    });
    expect(passed.map(({ name }) => name)).toEqual([
      'an honest signature',
      'S is zero',
      'R has a torsion part',
      'another message',
    ]);
  });

  it('refuses every length but 32 and 64', async () => {
    const [honest] = craftSignatures();
    const { key, message, signature } = honest!;
    expect(await verifyEverywhere(key.subarray(1), message, signature)).toEqual(everywhere(false));
    expect(await verifyEverywhere(concatBytes(key, key), message, signature)).toEqual(everywhere(false));
    expect(await verifyEverywhere(key, message, signature.subarray(1))).toEqual(everywhere(false));
    expect(await verifyEverywhere(key, message, concatBytes(signature, key))).toEqual(everywhere(false));
    expect(await verifyEverywhere(new Uint8Array(), message, new Uint8Array())).toEqual(everywhere(false));
  });

  it('refuses a signature with any bit changed', async () => {
    const [honest] = craftSignatures();
    const { key, message, signature } = honest!;
    for (let bit = 0; bit < 512; bit++) {
      const changed = signature.with(bit >> 3, signature[bit >> 3]! ^ (1 << (bit & 7)));
      expect(verifyStrict(nodeBackend, key, message, changed), `bit ${bit}`).toBe(false);
    }
    for (let bit = 0; bit < 512; bit += 37) {
      const changed = signature.with(bit >> 3, signature[bit >> 3]! ^ (1 << (bit & 7)));
      expect(await verifyEverywhere(key, message, changed), `bit ${bit}`).toEqual(everywhere(false));
    }
  });

  it('leaves the bytes it is given as they are, also when they are Buffers', () => {
    const [honest] = craftSignatures();
    const parts = [honest!.key, honest!.message, honest!.signature].map((bytes) => Buffer.from(bytes));
    const before = parts.map((bytes) => bytes.toString('hex'));
    expect(verifyStrict(nobleBackend, parts[0]!, parts[1]!, parts[2]!)).toBe(true);
    expect(parts.map((bytes) => bytes.toString('hex'))).toEqual(before);
  });
});

describe('a sound key', () => {
  it('is none of the points of small order, in whatever encoding', () => {
    const prime = Point.CURVE().p;
    for (const point of TORSION) {
      expect(isSoundKey(point.toBytes())).toBe(false);
      const y = point.toAffine().y;
      for (const sign of [0, 0x80]) {
        for (const value of [y, y + prime]) {
          if (value >= 1n << 255n) continue;
          const encoding = hex(value.toString(16).padStart(64, '0')).reverse();
          encoding[31]! |= sign;
          expect(isSoundKey(encoding), encodeHex(encoding)).toBe(false);
        }
      }
    }
  });

  it('is no prime-order point with a torsion point added', () => {
    for (const point of TORSION) {
      const sum = Point.BASE.multiply(12345n).add(point);
      expect(isSoundKey(sum.toBytes())).toBe(point.is0());
    }
  });
});

describe('the backend for a page', () => {
  it('is WebCrypto where it works', async () => {
    expect((await chooseBackend(globalThis.crypto.subtle)).name).toBe('webcrypto');
  });

  it('is noble where WebCrypto is missing, has no Ed25519 or answers wrongly', async () => {
    const { subtle } = globalThis.crypto;
    const refusing = {
      importKey: () => Promise.reject(new Error('NotSupportedError')),
      verify: () => Promise.resolve(true),
    };
    const lying = { importKey: () => Promise.resolve({}), verify: () => Promise.resolve(false) };
    const throwing = {
      importKey: () => {
        throw new Error('no');
      },
      verify: subtle.verify,
    };
    for (const platform of [undefined, refusing, lying, throwing]) {
      expect((await chooseBackend(platform)).name).toBe('noble');
    }
  });
});

describe.skipIf(!referenceData)('the published signature vectors (need AGENTGUARD_DATA)', () => {
  interface Wycheproof {
    testGroups: {
      publicKey: { pk: string };
      tests: { tcId: number; msg: string; sig: string; result: string }[];
    }[];
  }
  const load = (name: string): unknown =>
    JSON.parse(readFileSync(`${referenceData}/vectors/ed25519/${name}`, 'utf8'));

  it('of Wycheproof give the published result on every platform', async () => {
    const { testGroups } = load('wycheproof-ed25519.json') as Wycheproof;
    let cases = 0;
    for (const { publicKey, tests } of testGroups) {
      for (const { tcId, msg, sig, result } of tests) {
        const answers = await verifyEverywhere(hex(publicKey.pk), hex(msg), hex(sig));
        expect(answers, `case ${tcId}`).toEqual(everywhere(result === 'valid'));
        cases++;
      }
    }
    expect(cases).toBe(151);
  });

  it('of speccheck are all refused on every platform: each is an edge case of A, R or S', async () => {
    const cases = load('speccheck-cases.json') as { message: string; pub_key: string; signature: string }[];
    expect(cases.length).toBe(12);
    for (const { message, pub_key, signature } of cases) {
      expect(await verifyEverywhere(hex(pub_key), hex(message), hex(signature))).toEqual(everywhere(false));
    }
  });
});
