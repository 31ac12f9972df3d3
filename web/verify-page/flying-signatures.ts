/** Checks signatures by WebCrypto many at a time: each answer takes longer to travel than to compute. */
import { decodeHex } from '../../src/core/bytes.js';
import type { CryptoBackend } from '../../src/core/crypto.js';
import { verifyStrict } from '../../src/core/ed25519.js';
import type { VerifyOptions } from '../../src/core/ledger-verifier.js';

type SignatureChecker = NonNullable<VerifyOptions['checker']>;

/** More would only wait in the browser's own queue, and hold memory. */
const MAX_IN_FLIGHT = 128;

/** A checker that has at most so many signatures under way. `undefined` where the backend answers at once. */
export function createFlyingChecker(backend: CryptoBackend): SignatureChecker | undefined {
  if (backend.name !== 'webcrypto') return undefined;
  const inFlight = new Set<Promise<void>>();
  return {
    check(publicKeyHex, hash, signatureHex, tell) {
      const [key, signature] = [decodeHex(publicKeyHex), decodeHex(signatureHex)];
      if (!key || !signature) return tell(false);
      const one = Promise.resolve(verifyStrict(backend, key, hash, signature)).then(tell);
      inFlight.add(one);
      void one.finally(() => inFlight.delete(one));
      return inFlight.size < MAX_IN_FLIGHT ? undefined : Promise.race(inFlight);
    },
    async drain() {
      await Promise.all(inFlight);
    },
  };
}
