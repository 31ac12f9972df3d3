/** The signers of one file: which chain a row belongs to, also when it names no key or a wrong one. */
import { type Chain, createChain } from './chain.js';
import type { KeyRing, KnownKey } from './key-ring.js';
import type { Faults } from './problem-list.js';
import { computeSignerFingerprint, type Receipt } from './receipt.js';

/** A row whose signature waits for its key to be named. */
interface WaitingSignature {
  readonly line: number;
  readonly sequence: number;
  readonly hash: Uint8Array;
  readonly signature: string;
  readonly timestampMs: number;
}

/** The newest signature of a chain, and the hashes that it may be over. */
interface LastSignature {
  readonly line: number;
  readonly sequence: number;
  readonly hashes: readonly Uint8Array[];
  readonly signature: string;
  readonly ticket: number;
}

/** One signer's chain and what was seen of it. */
export interface SignerChain {
  readonly fingerprint: string;
  /** 64 hex; `undefined` as long as no row named the key and no pin has its fingerprint. */
  publicKeyHex: string | undefined;
  readonly pin: KnownKey | undefined;
  /** Whose rotation row named this key as its successor, before any row of its own. */
  readonly vouchedBy: SignerChain | undefined;
  /** Line of the rotation row with which the key gave up; no row of it may follow. */
  retiredLine: number | undefined;
  readonly chain: Chain;
  readonly firstLine: number;
  rows: number;
  last: number;
  head: string;
  startsLate: boolean;
  lastTimestampMs: number;
  /** Rows whose signature could not be checked. */
  unchecked: number;
  /** Rows whose signature was left out on purpose. */
  skipped: number;
  /** The row whose signature is checked at the end, when it is the last. */
  lastSignature: LastSignature | undefined;
  waiting: WaitingSignature[];
  readonly faults: Faults;
}

export interface Signers {
  readonly ring: KeyRing;
  /** In order of appearance. */
  readonly list: SignerChain[];
  readonly byKey: Map<string, SignerChain>;
  readonly byFingerprint: Map<string, SignerChain[]>;
  /** By successor's full key: who named it. */
  readonly successors: Map<string, SignerChain>;
}

/** A row's chain, and whether the key it names is not the one its fingerprint means. */
export interface Attribution {
  readonly signer: SignerChain | undefined;
  readonly keyMismatch: boolean;
}

export function createSigners(ring: KeyRing): Signers {
  return { ring, list: [], byKey: new Map(), byFingerprint: new Map(), successors: new Map() };
}

/**
 * Finds the chain of a row. The key counts, the fingerprint is only its label; where the row names no key, or one
 * that its signed fingerprint does not mean, a known key with that fingerprint is taken.
 *
 * @param intact whether the row's hash is right; one that is not never opens a chain without a known key
 */
export function findSigner(signers: Signers, receipt: Receipt, intact: boolean, line: number): Attribution {
  const { publicKeyHex, signerFingerprint } = receipt;
  if (publicKeyHex !== undefined) {
    const known = signers.byKey.get(publicKeyHex);
    const fingerprint = known?.fingerprint ?? computeSignerFingerprint(publicKeyHex);
    if (fingerprint === signerFingerprint) {
      return { signer: known ?? openSigner(signers, fingerprint, publicKeyHex, line), keyMismatch: false };
    }
    // The fingerprint is hashed and the key is not: where the hash is wrong, the fingerprint may be what was changed.
    if (!intact && known) return { signer: known, keyMismatch: false };
  }
  const keyMismatch = publicKeyHex !== undefined;
  const signer = findByFingerprint(signers, receipt, line);
  return {
    signer: signer ?? (intact ? openSigner(signers, signerFingerprint, undefined, line) : undefined),
    keyMismatch,
  };
}

/** Full key, or `fingerprint:…` where it is not known. */
export function nameSigner(signer: SignerChain): string {
  return signer.publicKeyHex ?? `fingerprint:${signer.fingerprint}`;
}

function findByFingerprint(signers: Signers, receipt: Receipt, line: number): SignerChain | undefined {
  const { signerFingerprint, previousHash } = receipt;
  const chains = signers.byFingerprint.get(signerFingerprint) ?? [];
  // Two keys with one fingerprint can be made on purpose: the link then tells which of them is meant.
  const linked = chains.find((signer) => signer.chain.head.hashes.includes(previousHash));
  if (linked ?? chains[0]) return linked ?? chains[0];
  for (const pin of signers.ring.pinned.values()) {
    if (pin.fingerprint === signerFingerprint)
      return openSigner(signers, signerFingerprint, pin.publicKeyHex, line);
  }
  return undefined;
}

function openSigner(
  signers: Signers,
  fingerprint: string,
  publicKeyHex: string | undefined,
  line: number,
): SignerChain {
  const sameLabel = signers.byFingerprint.get(fingerprint) ?? [];
  const nameless = sameLabel.find((signer) => signer.publicKeyHex === undefined);
  if (nameless && publicKeyHex !== undefined) {
    nameless.publicKeyHex = publicKeyHex;
    signers.byKey.set(publicKeyHex, nameless);
    return nameless;
  }
  const signer = createSigner(signers, fingerprint, publicKeyHex, line);
  signers.list.push(signer);
  signers.byFingerprint.set(fingerprint, [...sameLabel, signer]);
  if (publicKeyHex !== undefined) signers.byKey.set(publicKeyHex, signer);
  return signer;
}

function createSigner(
  signers: Signers,
  fingerprint: string,
  publicKeyHex: string | undefined,
  line: number,
): SignerChain {
  return {
    fingerprint,
    publicKeyHex,
    pin: publicKeyHex === undefined ? undefined : signers.ring.pinned.get(publicKeyHex),
    vouchedBy: publicKeyHex === undefined ? undefined : signers.successors.get(publicKeyHex),
    retiredLine: undefined,
    chain: createChain(signers.list.length + 1),
    firstLine: line,
    rows: 0,
    last: 0,
    head: '',
    startsLate: false,
    lastTimestampMs: Number.NaN,
    unchecked: 0,
    skipped: 0,
    lastSignature: undefined,
    waiting: [],
    faults: {},
  };
}
