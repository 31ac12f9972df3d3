/** Ledgers of the real guard in memory, and the same rows sealed again after a change, with the true key. */
import type { JsonObject } from '../../src/core/json.js';
import { createLedgerVerifier } from '../../src/core/ledger-verifier.js';
import type { Policy, RulePolicy, SpendPolicy } from '../../src/core/policy.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import { type Receipt, sealReceipt, ZERO_HASH } from '../../src/core/receipt.js';
import type { FileReport } from '../../src/core/report.js';
import { createNodeSigner, nodeBackend } from '../../src/store/node-crypto.js';

/** The key of every ledger here. */
export const LEDGER_KEY = createNodeSigner(new Uint8Array(32).fill(7));

/** Compiles a policy that must be one. */
export function compilePolicy(policy: SpendPolicy | RulePolicy): Policy {
  const reading = parsePolicy(policy, nodeBackend);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.policy;
}

export function byHash(policies: readonly Policy[]): ReadonlyMap<string, Policy> {
  return new Map(policies.map((policy) => [policy.policyHash, policy]));
}

/** Seals decisions as one whole ledger: chain and order are without fault, whatever they say. */
export function sealAgain(decisions: readonly JsonObject[]): string[] {
  let previousHash = ZERO_HASH;
  return decisions.map((decision, sequence) => {
    const placed = { ...decision, ledgerIndex: sequence, ledgerPreviousHash: previousHash };
    const { receipt, line } = sealReceipt(placed, { sequence, previousHash }, LEDGER_KEY, nodeBackend);
    previousHash = receipt.entryHash;
    return line;
  });
}

export function decisionsOf(receipts: readonly Receipt[]): JsonObject[] {
  return receipts.map(({ decision }) => decision);
}

/** Verifies lines against policies, with the ledger's key pinned. */
export function judgeLines(
  lines: readonly string[],
  policies: readonly Policy[],
  demandedPolicies?: readonly string[],
): FileReport {
  const verifier = createLedgerVerifier({
    path: 'ledger',
    backend: nodeBackend,
    pinnedKeys: [{ publicKeyHex: LEDGER_KEY.publicKeyHex }],
    policies: byHash(policies),
    ...(demandedPolicies && { demandedPolicies }),
  });
  for (const line of lines) verifier.push(new TextEncoder().encode(line));
  return verifier.finish();
}
