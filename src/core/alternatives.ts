/** What to offer instead of a refused call: models that the policies would let pass unchanged at that moment. */
import { type CapCheck, checkCap, type TotalsOf, wantsOtherModel } from './cap-check.js';
import type { Call, Finding } from './decide.js';
import { checkAllRules } from './permission.js';
import type { Policy } from './policy.js';
import type { BoundedQuote, Quote } from './price.js';
import { covers } from './scope.js';
import { findTask } from './task.js';

/** The outcome of one call, decided by everything that decided the refused one. */
export type Redecide = (call: Call) => Pick<Finding, 'action' | 'modelResolved'>;

const MAX_OFFERED = 3;
/** What refuses so many has nothing to do with the model. */
const MAX_ASKED = 12;

/**
 * Models of the candidates that would pass unchanged right now: at most three, cheapest first. `policies` and their caps
 * choose whom to ask about; `redecide` has the last word.
 */
export function listAlternatives(
  policies: readonly Policy[],
  totals: TotalsOf,
  call: Call,
  nowMs: number,
  redecide: Redecide,
): string[] {
  const caps = policies.flatMap((policy) => policy.caps.filter((cap) => covers(cap.match, call.actor)));
  const fits = (quote: Quote): quote is BoundedQuote =>
    quote.kind === 'bounded' &&
    caps.every((cap) => {
      const check = checkCap(cap, totals, quote, call, nowMs);
      return (
        !check.tripped ||
        cap.action === 'allow' ||
        cap.action === 'shadow' ||
        isSatisfied(check, quote.model, call)
      );
    });
  const tasks = policies.map((policy) => findTask(policy.tasks, call.actor.taskId));
  const assigned = tasks
    .flatMap((task) => [task?.model, task?.fallback])
    .flatMap((pattern) => (pattern && pattern.parts.length === 1 ? [pattern.text] : []));
  const candidates = new Set([...assigned, ...(call.listCandidates?.() ?? [])]);
  const quotes = [...candidates]
    .filter((model) => call.name(model).identity !== call.name(call.model).identity)
    .map(call.quote)
    .filter(fits);
  quotes.sort((a, b) => (a.reservedUsd < b.reservedUsd ? -1 : a.reservedUsd > b.reservedUsd ? 1 : 0));
  const passes = (model: string) => {
    const again = redecide({ ...call, model, isRetry: false, offersNothing: true });
    return (again.action === 'allow' || again.action === 'shadow') && again.modelResolved === model;
  };
  // The ledger's lock is held meanwhile: no more is looked at than is offered.
  const offered: string[] = [];
  let asked = 0;
  for (const model of new Set(quotes.map((quote) => quote.model))) {
    if (offered.length >= MAX_OFFERED || asked >= MAX_ASKED) break;
    if (checkAllRules(policies, call, model, nowMs)?.effect === 'deny') continue;
    asked++;
    if (passes(model)) offered.push(model);
  }
  return offered;
}

function isSatisfied(check: CapCheck, model: string, call: Call): boolean {
  return check.cap.action === 'downgrade' && !wantsOtherModel(check, model, call.name);
}
