/**
 * Export bundles (docs/receipt-format.md "Bundles"): a head, the policies and the newest checkpoint, a line each, and then
 * the rows of one ledger as they are.
 *
 *   {"agentguardBundle":1,"attachments":2,"ledgerId":"…","scope":"acme"}
 *   {"policy":"{…}","policyHash":"…64 hex"}
 *   {"checkpoint":"agentguard/…\n"}
 *   {"decision":{…},…}
 */

import { encodeUtf8 } from './bytes.js';
import type { CryptoBackend } from './crypto.js';
import { isObject } from './json.js';
import { readKeptPolicy } from './kept-policy.js';
import type { Policy } from './policy.js';
import { readJsonLine } from './row-reader.js';

/** Version of the form. */
export const BUNDLE_VERSION = 1;
/** More attachments are not read. */
export const MAX_ATTACHMENTS = 10_000;

/** How a file begins that is a bundle, whatever else is in its head. */
export const BUNDLE_START = '{"agentguardBundle":';

export interface BundleHead {
  /** Lines between the head and the first row. */
  readonly attachments: number;
  readonly ledgerId: string | null;
  readonly scope: string;
}

/** The head as a line without its line feed. */
export function printBundleHead({ attachments, ledgerId, scope }: BundleHead): string {
  return JSON.stringify({ agentguardBundle: BUNDLE_VERSION, attachments, ledgerId, scope });
}

/** Lines between the head and the first row; `undefined` for a line that is no head of this version. */
export function countAttachments(line: Uint8Array): number | undefined {
  const reading = readJsonLine(line);
  if (!reading.ok || !isObject(reading.value)) return undefined;
  const { agentguardBundle, attachments } = reading.value;
  if (agentguardBundle !== BUNDLE_VERSION || !Number.isSafeInteger(attachments)) return undefined;
  const count = attachments as number;
  return count >= 0 && count <= MAX_ATTACHMENTS ? count : undefined;
}

/** A policy as a line: the text that its hash is over. */
export function printPolicyLine({ hashedText, policyHash }: Policy): string {
  return JSON.stringify({ policy: hashedText, policyHash });
}

/** A checkpoint as a line: its signed note. */
export function printCheckpointLine(note: string): string {
  return JSON.stringify({ checkpoint: note });
}

/** The policy in an attachment; `undefined` for another one, and for a text that its hash does not stand for. */
export function readPolicyLine(line: Uint8Array, backend: Pick<CryptoBackend, 'sha256'>): Policy | undefined {
  const reading = readJsonLine(line);
  if (!reading.ok || !isObject(reading.value)) return undefined;
  const { policy, policyHash } = reading.value;
  if (typeof policy !== 'string' || typeof policyHash !== 'string') return undefined;
  const kept = readKeptPolicy(encodeUtf8(policy), policyHash, backend);
  return kept.ok ? kept.value : undefined;
}
