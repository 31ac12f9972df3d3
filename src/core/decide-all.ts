/**
 * One decision of several policies: each is asked, the strictest wins, and a downgrade asked for by one must fit under
 * all of them (docs/policy.md "Several policies").
 */
import type { Redecide } from './alternatives.js';
import { checkCaps, listAlerting, type TotalsOf } from './cap-check.js';
import {
  type Call,
  type Decision,
  decide,
  type Finding,
  judge,
  listWanting,
  makeDecision,
  offerInstead,
  rememberQuotes,
} from './decide.js';
import { downgrade } from './downgrade.js';
import { checkRules, listRoutes } from './permission.js';
import { CAP_ACTIONS, type CapAction, type Policy } from './policy.js';
import { withFreshPrices } from './price-age.js';
import { refuseByRule } from './refuse.js';

/** What one policy alone found. */
interface Word {
  readonly policy: Policy;
  readonly finding: Finding;
}

/**
 * Decides one call at `nowMs` (milliseconds since 1970) under each of these policies. Cost: proportional to their caps
 * and rules together.
 *
 * @throws TypeError when there is no policy.
 */
export function decideAll(
  policies: readonly Policy[],
  totals: TotalsOf,
  call: Call,
  nowMs: number,
): Decision {
  const [first, ...others] = policies;
  if (!first) throw new TypeError('a call is decided by at least one policy');
  if (others.length === 0) return decide(first, totals, call, nowMs);
  const asked = rememberQuotes(call);
  const { words, routes, policy, finding } = askAll(policies, totals, asked, nowMs);
  const parts = words.map(({ policy: of, finding: { action, wouldAction, rule } }) => ({
    policy: of,
    action,
    wouldAction,
    rule,
  }));
  const passes = finding.action !== 'block';
  const redecide: Redecide = (other) => askAll(policies, totals, other, nowMs).finding;
  const offered = offerInstead(listEnforcing(policies), totals, asked, finding, nowMs, redecide);
  return makeDecision(offered, {
    policy,
    routes: (passes && routes) || null,
    alerting: passes ? listAlerting(policies, totals, finding.quote, asked, nowMs) : [],
    parts,
  });
}

/** What each policy says, and what comes of it. */
function askAll(policies: readonly Policy[], totals: TotalsOf, call: Call, nowMs: number) {
  const words = policies.map((policy) => ({ policy, finding: judge(policy, totals, call, nowMs) }));
  const enforcing = listEnforcing(policies);
  const routes = listRoutes(enforcing, call, nowMs);
  const joined = joinWords(words, totals, call, nowMs);
  const outcome = routes?.only?.length === 0 ? refuseRoutes(joined, enforcing, call) : joined;
  return { ...outcome, words, routes };
}

/** Each policy allows providers, and no provider is allowed by all of them. */
function refuseRoutes(joined: Word, enforcing: readonly Policy[], call: Call): Word {
  const { finding, policy } = joined;
  if (finding.action === 'block') return joined;
  const message = 'the rules of the policies together allow no provider';
  const refused = refuseByRule(call, { effect: 'deny', rule: null, model: call.model, message });
  const { checks } = finding;
  return {
    policy: enforcing.find(({ providerRules }) => providerRules.length > 0) ?? policy,
    finding: { ...refused, checks },
  };
}

function joinWords(words: readonly Word[], totals: TotalsOf, call: Call, nowMs: number): Word {
  const blocks = words.filter(({ finding }) => finding.action === 'block');
  if (blocks.length > 0) return joinBlocks(words, blocks);
  const wishes = words.filter(({ finding }) => finding.action === 'downgrade');
  if (wishes.length > 0) return joinDowngrades(words, wishes, totals, call, nowMs);
  return joinPasses(words);
}

/** Waiting helps only when running calls are all that stands in the way, under every policy that refuses. */
function joinBlocks(words: readonly Word[], blocks: readonly Word[]): Word {
  const final = blocks.filter(({ finding }) => finding.heldBack.length === 0);
  const winner = mostSpecific(final.length > 0 ? final : blocks);
  const heldBack = final.length > 0 ? [] : blocks.flatMap(({ finding }) => finding.heldBack);
  return { ...winner, finding: { ...winner.finding, ...gather(words), heldBack } };
}

function joinDowngrades(
  words: readonly Word[],
  wishes: readonly Word[],
  totals: TotalsOf,
  call: Call,
  nowMs: number,
): Word {
  const quote = call.quote(call.model);
  if (quote.kind === 'unbounded') return joinPasses(words);
  const wanting = wishes.flatMap(({ policy }) =>
    listWanting(checkCaps([policy], totals, quote, call, nowMs), call),
  );
  const enforcing = listEnforcing(words.map(({ policy }) => policy));
  const finding = downgrade(enforcing, totals, withFreshPrices(enforcing, call, nowMs), wanting, nowMs);
  const deniedBy = (policy: Policy) =>
    finding.rule !== null && checkRules(policy, call, finding.rule.model, nowMs)?.effect === 'deny';
  const owns = (policy: Policy) =>
    finding.triggered ? policy.caps.includes(finding.triggered.cap) : deniedBy(policy);
  const policy = enforcing.find(owns) ?? wishes[0]!.policy;
  const watching = words.filter((word) => word.policy.mode === 'shadow');
  const rule =
    finding.action === 'downgrade' ? checkRules(policy, call, finding.modelResolved, nowMs) : finding.rule;
  return { policy, finding: { ...finding, ...gather([{ finding }, ...watching]), rule } };
}

/** Nothing is refused or rewritten: the strictest thing that a policy would have done is what is told. */
function joinPasses(words: readonly Word[]): Word {
  const marked = words.filter(({ finding }) => finding.triggered !== null || finding.action === 'shadow');
  const most = Math.max(...marked.map(({ finding }) => strictnessOf(finding)));
  const winner = mostSpecific(
    marked.length > 0 ? marked.filter(({ finding }) => strictnessOf(finding) === most) : words.slice(0, 1),
  );
  return { ...winner, finding: { ...winner.finding, ...gather(words) } };
}

/** Every reason once, and every cap that was looked at, in the order of the policies. */
function gather(words: readonly Pick<Word, 'finding'>[]): Pick<Finding, 'reasons' | 'checks'> {
  return {
    reasons: [...new Set(words.flatMap(({ finding }) => finding.reasons))],
    checks: words.flatMap(({ finding }) => finding.checks),
  };
}

function strictnessOf({ action, wouldAction }: Finding): number {
  const rank = (one: CapAction | null) => (one === null ? 0 : CAP_ACTIONS.indexOf(one));
  return rank(action) * CAP_ACTIONS.length + rank(wouldAction);
}

/** By the cap that decided, else by the scope of the policy; the first of equals. */
function mostSpecific(words: readonly Word[]): Word {
  const keysOf = ({ policy, finding }: Word) =>
    finding.triggered?.cap.specificity ?? Object.keys(policy.scope).length;
  return words.reduce((best, next) => (keysOf(next) > keysOf(best) ? next : best));
}

function listEnforcing(policies: readonly Policy[]): readonly Policy[] {
  return policies.filter(({ mode }) => mode === 'enforce');
}
