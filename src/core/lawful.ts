/**
 * Decides every call of a ledger again, from the policy that its row names and the rows before it, and says where the
 * ledger does not do what its policies say (docs/receipt-format.md "lawful"). Flat memory: sums and running calls.
 */
import { createAttempts } from './attempts.js';
import { createCapWatch } from './cap-watch.js';
import { findBoundFault, findContradiction } from './contradiction.js';
import { createControls } from './control.js';
import { decideAll } from './decide-all.js';
import { decisionRow } from './decision.js';
import { isObject, type JsonObject } from './json.js';
import type { Policy } from './policy.js';
import type { Receipt } from './receipt.js';
import { createReplacedPolicies } from './replaced-policies.js';
import type { CapReport, ProblemCode, Verdict } from './report.js';
import { readRowCall } from './row-call.js';
import { count } from './verdicts.js';

/** One thing that a row does against its policies, or that its reader should hear. */
export interface Breach {
  readonly code: Extract<
    ProblemCode,
    'UNLAWFUL_DECISION' | 'CAP_EXCEEDED' | 'POLICY_MISMATCH' | 'POLICY_REPLACED' | 'OVER_BOUND'
  >;
  readonly message: string;
}

export interface LawfulOptions {
  /** By hash. */
  readonly policies: ReadonlyMap<string, Policy>;
  /** Policies that must have governed every decision of ours, by hash. */
  readonly demanded?: readonly string[];
}

/** Feed it every row of one ledger, in order. */
export interface Lawfulness {
  /**
   * Judges a row and counts it.
   *
   * @param isSound whether all rows before it were seen, and are what was written
   */
  apply(receipt: Receipt, timestampMs: number, isSound: boolean): readonly Breach[];
  /** The verdict, unless a breach has made it "no". */
  conclude(): Verdict;
  listCaps(): readonly CapReport[];
}

/** Why a decision could not be made again. */
const OPEN_REASONS = {
  policy: 'were made by a policy that is not here',
  fields: 'do not tell all that was looked at',
  unseen: 'stand after rows that were not seen or not whole',
  foreign: 'are of other writers, who name no policy',
} as const;
type OpenReason = keyof typeof OPEN_REASONS;

/** Starts to judge one ledger. */
export function createLawfulness({ policies, demanded = [] }: LawfulOptions): Lawfulness {
  const watch = createCapWatch(policies.values());
  const controls = createControls();
  const attempts = createAttempts();
  const replaced = createReplacedPolicies();
  const used = new Set<string>();
  const open = new Map<OpenReason, number>();
  let derived = 0;
  let missingHash: string | undefined;

  function judge(row: JsonObject, timestampMs: number, hashes: readonly string[]): string | undefined {
    const known = hashes.flatMap((hash) => policies.get(hash) ?? []);
    if (known.length < hashes.length || known.length === 0) {
      missingHash ??= hashes.find((hash) => !policies.has(hash));
      return leaveOpen('policy');
    }
    const read = readRowCall(row, timestampMs);
    if (!read) return leaveOpen('fields');
    const { facts, missing } = read;
    const fault = attempts.findFault(row);
    if (fault === 'forgotten') return leaveOpen('fields');
    if (fault) return fault.message;
    if (watch.budget.isOpen(facts.decisionId, facts.attempt))
      return 'The row decides again what an earlier row has decided, so nothing would count it.';
    const call = { ...read.call, stop: controls.findStop(), grants: controls.listGrants(timestampMs) };
    const decision = decideAll(
      known,
      (cap, atMs, caller) => watch.budget.totals(cap, atMs, caller),
      call,
      timestampMs,
    );
    if (missing.size > 0) return leaveOpen('fields');
    derived++;
    for (const hash of hashes) used.add(hash);
    return findBoundFault(row) ?? findContradiction(row, decisionRow(decision, facts));
  }

  function leaveOpen(reason: OpenReason): undefined {
    open.set(reason, (open.get(reason) ?? 0) + 1);
  }

  function judgeDecision(row: JsonObject, timestampMs: number, isSound: boolean): string | undefined {
    if (row.formatVersion === undefined) return leaveOpen('foreign');
    if (!isSound) return leaveOpen('unseen');
    return judge(row, timestampMs, listHashes(row));
  }

  return {
    apply(receipt, timestampMs, isSound) {
      const row = receipt.decision;
      const isDecision = row.entryType === undefined;
      const hashes = listHashes(row);
      const contradiction = isDecision ? judgeDecision(row, timestampMs, isSound) : undefined;
      controls.apply(receipt, timestampMs);
      if (row.formatVersion !== undefined) replaced.apply(row, timestampMs);
      const ended = row.entryType === 'settlement' ? attempts.find(row) : undefined;
      const excess = watch.apply(receipt, timestampMs, {
        hashes,
        ended,
        isSound,
        grantsAt: controls.listGrants,
      });
      if (isDecision && row.formatVersion !== undefined) attempts.add(row, hashes);
      const breaches: Breach[] = [];
      // One defect, one problem: a cap that was passed says more than that it should not have been.
      for (const message of excess) breaches.push({ code: 'CAP_EXCEEDED', message });
      if (contradiction !== undefined && excess.length === 0)
        breaches.push({ code: 'UNLAWFUL_DECISION', message: contradiction });
      if (isDecision && row.formatVersion !== undefined) {
        breaches.push(...findMismatch(hashes, demanded, policies));
        const stale = replaced.find(hashes, timestampMs);
        if (stale !== undefined) breaches.push({ code: 'POLICY_REPLACED', message: stale });
      }
      if (row.overBound === true && excess.length === 0)
        breaches.push({ code: 'OVER_BOUND', message: explainOverBound(row) });
      return breaches;
    },
    conclude: () => conclude(derived, used.size, open, missingHash),
    listCaps: () => watch.list(),
  };
}

/** The policies that a row was decided under: several, or the one that it names. */
export function listHashes(row: JsonObject): readonly string[] {
  const { policies, policyHash } = row;
  if (Array.isArray(policies)) {
    const hashes = policies.map((part) => (isObject(part) ? part.hash : undefined));
    return hashes.every((hash) => typeof hash === 'string') ? (hashes as string[]) : [];
  }
  return typeof policyHash === 'string' ? [policyHash] : [];
}

function findMismatch(
  hashes: readonly string[],
  demanded: readonly string[],
  policies: ReadonlyMap<string, Policy>,
): Breach[] {
  return demanded
    .filter((hash) => !hashes.includes(hash))
    .map((hash) => {
      const name = JSON.stringify(policies.get(hash)?.id ?? hash);
      const message = `The call was decided without the policy ${name} (${hash.slice(0, 8)}…) that is demanded for all.`;
      return { code: 'POLICY_MISMATCH', message };
    });
}

function explainOverBound({ actualUsd, servedModel }: JsonObject): string {
  const cost = typeof actualUsd === 'string' ? `$${actualUsd}` : 'more';
  const by = typeof servedModel === 'string' ? ` by ${JSON.stringify(servedModel)}` : '';
  return `The call was billed ${cost}${by}, which is above the bound that was held for it.`;
}

function conclude(
  derived: number,
  policies: number,
  open: ReadonlyMap<OpenReason, number>,
  missingHash: string | undefined,
): Verdict {
  const rest = [...open].map(([reason, rows]) => {
    const which =
      reason === 'policy' && missingHash !== undefined ? ` (the first: ${missingHash.slice(0, 8)}…)` : '';
    return `${rows} ${OPEN_REASONS[reason]}${which}`;
  });
  if (rest.length > 0) {
    const of = derived + [...open.values()].reduce((sum, rows) => sum + rows, 0);
    return {
      answer: 'unknown',
      because: `Of ${count(of, 'decision')}, ${derived} follow from their policies and the rows before; ${rest.join('; ')}.`,
    };
  }
  if (derived === 0) return { answer: 'unknown', because: 'There are no decisions to judge.' };
  const by = policies === 1 ? (derived === 1 ? 'its policy' : 'their policy') : `${policies} policies`;
  const what = derived === 1 ? 'The only decision follows' : `All ${derived} decisions follow`;
  return { answer: 'yes', because: `${what} from ${by} and the rows before.` };
}
