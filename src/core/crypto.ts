/** The seam to SHA-256 and Ed25519: the platform's own where present, @noble as the portable fallback. */

/**
 * What a platform offers. `verifyRaw` is the platform's own Ed25519 check and may be laxer than the rule of
 * docs/receipt-format.md; only `ed25519.ts` calls it, after the checks that platforms miss.
 */
export interface CryptoBackend {
  readonly name: 'node' | 'webcrypto' | 'noble';
  /** SHA-256 of the bytes: 32 bytes. */
  sha256(bytes: Uint8Array): Uint8Array;
  /** Whether `signature` (64 bytes) over `message` fits `publicKey` (32 bytes), as this platform sees it. */
  verifyRaw(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean | Promise<boolean>;
}

/** Checks signatures elsewhere, in other threads say, and answers later. */
export interface SignatureChecker {
  /**
   * Takes one signature to check by the rule of docs/receipt-format.md.
   *
   * @param publicKeyHex 64 hex digits
   * @param hash 32 bytes, copied before this returns
   * @param signature 128 hex digits
   * @param tell hears whether it is valid, once, before `drain` resolves
   * @returns a promise where too many are under way: wait for it before the next one
   */
  check(
    publicKeyHex: string,
    hash: Uint8Array,
    signature: string,
    tell: (valid: boolean) => void,
  ): void | Promise<void>;
  /** Resolves when every answer was told. */
  drain(): Promise<void>;
}

/** Holds one Ed25519 key pair and signs with it. `sign` takes the raw 32 bytes of an entry hash. */
export interface Signer {
  readonly publicKeyHex: string;
  readonly fingerprint: string;
  /** 64 bytes, RFC 8032. */
  sign(hash: Uint8Array): Uint8Array;
}
