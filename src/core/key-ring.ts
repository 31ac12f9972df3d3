/** Whose keys are known: pinned ones, demanded ones, and those that the rows of a file name for themselves. */
import { isHex } from './bytes.js';
import { parseInstant } from './instant.js';
import { computeSignerFingerprint } from './receipt.js';
import type { PinnedKey } from './report.js';

/** What is known about one full key before any row is read. */
export interface KnownKey {
  readonly publicKeyHex: string;
  readonly fingerprint: string;
  readonly name: string | undefined;
  /** Milliseconds since 1970; infinite where the pin is open. */
  readonly validFromMs: number;
  readonly validUntilMs: number;
  /** Milliseconds since 1970 from which rows are not its owner's; infinite where it was not revoked. */
  readonly revokedAtMs: number;
}

export interface KeyRing {
  /** By full key. */
  readonly pinned: ReadonlyMap<string, KnownKey>;
  /** Full keys, when the caller demands that every row is signed with one of them. */
  readonly allowed: ReadonlySet<string> | undefined;
}

/**
 * The keys a verifier brings. A demanded key counts as pinned, since its full 64 hex came from the caller.
 *
 * @throws RangeError for a key that is not 64 lowercase hex digits, or a time that is not ISO 8601.
 */
export function createKeyRing(pinned: readonly PinnedKey[], allowed: readonly string[] | undefined): KeyRing {
  const demanded = (allowed ?? []).map((publicKeyHex): PinnedKey => ({ publicKeyHex }));
  const known = new Map<string, KnownKey>();
  for (const pin of [...demanded, ...pinned]) {
    const { publicKeyHex } = pin;
    const other = known.get(publicKeyHex);
    known.set(publicKeyHex, other ? narrow(other, readPin(pin)) : readPin(pin));
  }
  return { pinned: known, allowed: allowed && new Set(allowed) };
}

/** What two pins of one key allow together: neither can undo a revocation, or an end, that the other tells. */
function narrow(one: KnownKey, other: KnownKey): KnownKey {
  return {
    ...one,
    name: other.name ?? one.name,
    validFromMs: Math.max(one.validFromMs, other.validFromMs),
    validUntilMs: Math.min(one.validUntilMs, other.validUntilMs),
    revokedAtMs: Math.min(one.revokedAtMs, other.revokedAtMs),
  };
}

/** Whether a pin is valid at a time; a span cannot be checked without one. */
export function isValidAt(key: KnownKey, timestampMs: number): boolean {
  if (key.validFromMs === -Infinity && key.validUntilMs === Infinity) return true;
  return timestampMs >= key.validFromMs && timestampMs <= key.validUntilMs;
}

function readPin(pin: PinnedKey): KnownKey {
  if (!isHex(pin.publicKeyHex, 32)) throw new RangeError('A pinned key is not 64 lowercase hex digits');
  return {
    publicKeyHex: pin.publicKeyHex,
    fingerprint: computeSignerFingerprint(pin.publicKeyHex),
    name: pin.name,
    validFromMs: readTime(pin.validFrom, -Infinity),
    validUntilMs: readTime(pin.validUntil, Infinity),
    revokedAtMs: readTime(pin.revokedAt, Infinity),
  };
}

function readTime(text: string | undefined, open: number): number {
  if (text === undefined) return open;
  const time = parseInstant(text);
  if (time === undefined) throw new RangeError('The validity of a pinned key is not an ISO 8601 time');
  return time;
}
