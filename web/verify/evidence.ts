/**
 * What a ledger is held against besides itself: policies, which the signed rows name by hash, from whoever has them; and
 * what the person at the page brought: checkpoints kept elsewhere, keys, trust files.
 */

import { encodeUtf8 } from '../../src/core/bytes.js';
import type { BroughtCheckpoint } from '../../src/core/checkpoint-step.js';
import type { CryptoBackend } from '../../src/core/crypto.js';
import { type FileHead, readGivenFile } from '../../src/core/given-file.js';
import { readKeptPolicy } from '../../src/core/kept-policy.js';
import type { VerifyOptions } from '../../src/core/ledger-verifier.js';
import type { Policy } from '../../src/core/policy.js';
import type { PinnedKey } from '../../src/core/report.js';

/** A policy as the server sent it. */
export interface SentPolicy {
  readonly policyHash: string;
  readonly text: string;
}

export interface Evidence {
  readonly policies: readonly SentPolicy[];
  /** Files that the person gave. */
  readonly files: readonly FileHead[];
  /** Full keys that the person typed: every row must be signed with one of them. */
  readonly keys: readonly string[];
}

/** One file as it was understood. */
export interface EvidenceFile {
  readonly name: string;
  readonly kind: 'checkpoint' | 'policy' | 'trust' | 'refused';
  /** Why it cannot be used. May quote the file: hostile. */
  readonly remark?: string;
}

export interface EvidenceReading {
  readonly options: Pick<
    VerifyOptions,
    'policies' | 'demandedPolicies' | 'checkpoints' | 'pinnedKeys' | 'allowedKeys'
  >;
  readonly files: readonly EvidenceFile[];
  /** Hashes of sent policies whose text is another one, or none that this version can read. */
  readonly refusedPolicies: readonly string[];
}

const ROWS = 'These are rows, not evidence: give them to the page at /verify.';

/** Reads all of it. Never throws on what files and policies hold. @throws RangeError for a key that is none */
export function readEvidence(
  { policies: sent, files, keys }: Evidence,
  backend: Pick<CryptoBackend, 'sha256'>,
): EvidenceReading {
  const policies = new Map<string, Policy>();
  const demandedPolicies: string[] = [];
  const checkpoints: BroughtCheckpoint[] = [];
  const pinnedKeys: PinnedKey[] = [];
  const refusedPolicies: string[] = [];
  for (const { policyHash, text } of sent) {
    const reading = readKeptPolicy(encodeUtf8(text), policyHash, backend);
    if (reading.ok) policies.set(policyHash, reading.value);
    else refusedPolicies.push(policyHash);
  }
  const understood = files.map((file): EvidenceFile => {
    const { name } = file;
    const given = readGivenFile(file, backend);
    if (given.kind === 'rows') return { name, kind: 'refused', remark: given.remark ?? ROWS };
    if (given.kind === 'refused') return { name, kind: 'refused', remark: given.message };
    if (given.kind === 'checkpoint') checkpoints.push(given.brought);
    else if (given.kind === 'trust') pinnedKeys.push(...given.keys);
    else {
      policies.set(given.policy.policyHash, given.policy);
      if (given.demanded) demandedPolicies.push(given.policy.policyHash);
    }
    return { name, kind: given.kind };
  });
  return {
    options: {
      policies,
      demandedPolicies,
      checkpoints,
      pinnedKeys,
      ...(keys.length > 0 && { allowedKeys: keys }),
    },
    files: understood,
    refusedPolicies,
  };
}
