/**
 * The isomorphic core, as `@agentguard-run/spend/verify`: everything needed to check receipts, in Node and in browsers,
 * and the exact money that receipts are written in.
 */
export { canonicalize } from './canonical-json.js';
export { createCheckpointKey, parseCheckpoint, type SignedCheckpoint } from './checkpoint.js';
export { type BroughtCheckpoint, reportMissingLedgers } from './checkpoint-step.js';
export type { CryptoBackend, Signer } from './crypto.js';
export { nobleBackend, verifyStrict } from './ed25519.js';
export * from './errors.js';
export type { Json, JsonObject } from './json.js';
export { createLedgerVerifier, type LedgerVerifier, type VerifyOptions } from './ledger-verifier.js';
export { hashLeaf } from './merkle.js';
export {
  type ConsistencyClaim,
  type InclusionClaim,
  verifyConsistency,
  verifyInclusion,
} from './merkle-proof.js';
export * from './money.js';
export type { Reading, Refusal } from './reading.js';
export {
  computeSignerFingerprint,
  FORMAT_VERSION,
  hashPayload,
  type Payload,
  printPayload,
  type Receipt,
  readReceipt,
  ZERO_HASH,
} from './receipt.js';
export * from './report.js';
export {
  type NoteAnswer,
  type NoteKey,
  parseNoteKey,
  printNoteKey,
  type SignedNote,
  verifyNote,
} from './signed-note.js';
export { isIncluded, parseTlogProof, type TlogProof } from './tlog-proof.js';
export { combineReports, type EntryReport, verifyChain, verifyEntry } from './verify.js';
export { chooseBackend, createWebCryptoBackend, type SubtleVerifier } from './web-crypto.js';
