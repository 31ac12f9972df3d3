/** Signatures to check, and the answers, in memory that two threads share. */

/** What is posted to a thread: `count` signatures of a batch wait for answers. */
export interface BatchMessage {
  readonly id: number;
  readonly memory: SharedArrayBuffer;
  readonly count: number;
}

/** `open`: nobody has answered. */
export type BatchAnswer = 'valid' | 'invalid' | 'open';

export interface SignatureBatch {
  /** Whether they are what they should be: 64 hex digits, 32 bytes, 128 hex digits. If not, nothing is to be asked. */
  write(at: number, publicKeyHex: string, hash: Uint8Array, signature: string): boolean;
  /** Copies, on which the other side has no hand any more. */
  read(at: number): { readonly publicKey: Buffer; readonly hash: Buffer; readonly signature: Buffer };
  answer(at: number, isValid: boolean): void;
  answerOf(at: number): BatchAnswer;
}

const KEY_BYTES = 32;
const HASH_BYTES = 32;
const SIGNATURE_BYTES = 64;
const ENTRY_BYTES = KEY_BYTES + HASH_BYTES + SIGNATURE_BYTES + 1;
const ANSWER = ENTRY_BYTES - 1;
const VALID = 1;
const INVALID = 2;

/** Memory for so many signatures. */
export function allocateBatch(rows: number): SharedArrayBuffer {
  return new SharedArrayBuffer(rows * ENTRY_BYTES);
}

/** A view of such memory. */
export function openBatch(memory: SharedArrayBuffer): SignatureBatch {
  const shared = Buffer.from(memory);
  return {
    write(at, publicKeyHex, hash, signature) {
      const start = at * ENTRY_BYTES;
      shared[start + ANSWER] = 0;
      if (hash.length !== HASH_BYTES) return false;
      shared.set(hash, start + KEY_BYTES);
      return (
        shared.write(publicKeyHex, start, KEY_BYTES, 'hex') === KEY_BYTES &&
        shared.write(signature, start + KEY_BYTES + HASH_BYTES, SIGNATURE_BYTES, 'hex') === SIGNATURE_BYTES
      );
    },
    read(at) {
      const entry = Buffer.from(shared.subarray(at * ENTRY_BYTES, (at + 1) * ENTRY_BYTES));
      return {
        publicKey: entry.subarray(0, KEY_BYTES),
        hash: entry.subarray(KEY_BYTES, KEY_BYTES + HASH_BYTES),
        signature: entry.subarray(KEY_BYTES + HASH_BYTES, ANSWER),
      };
    },
    answer(at, isValid) {
      shared[at * ENTRY_BYTES + ANSWER] = isValid ? VALID : INVALID;
    },
    answerOf(at) {
      const answer = shared[at * ENTRY_BYTES + ANSWER];
      return answer === VALID ? 'valid' : answer === INVALID ? 'invalid' : 'open';
    },
  };
}
