/** Allow and deny lists: which rule speaks about a model in a call, the first that matches (docs/policy.md "Rules"). */
import { type LocalMoment, localMoment } from './local-time.js';
import type { ModelNames, NameModel } from './model-names.js';
import type { Usd } from './money.js';
import {
  type CallAction,
  type Capability,
  isModelAction,
  type RuleAction,
  type RuleEffect,
  satisfies,
  type Weekday,
} from './policy.js';
import type { Quote } from './price.js';
import { covers, type Scope, type Selector } from './scope.js';

/** A rule as receipts tell it. */
export interface SpokenRule {
  /** Place in `rules`, from 0. */
  readonly index: number;
  readonly effect: RuleEffect;
  readonly action: RuleAction;
  /** As written: `model/anthropic/*`. */
  readonly resource: string;
  readonly reason: string | undefined;
}

/** One rule about models, read and compiled. */
export interface Rule extends SpokenRule {
  readonly pattern: ModelPattern;
  readonly when: RuleConditions;
}

/** The part of a resource after `model/`, compiled once. */
export interface ModelPattern {
  /** As written; a literal id when `parts` has one element. */
  readonly text: string;
  /** What stands between the stars, lower case with dots as dashes. */
  readonly parts: readonly string[];
}

/** `when`, compiled. What is `undefined` asks nothing. */
export interface RuleConditions {
  readonly scope: Selector | undefined;
  readonly capability: Capability | undefined;
  /** US dollars per token. */
  readonly maxInputUsd: Usd | undefined;
  readonly maxOutputUsd: Usd | undefined;
  readonly minContextTokens: number | undefined;
  readonly maxInputTokens: number | undefined;
  /** Minutes of the day, the first included, the second not; from > to passes midnight. */
  readonly hours: readonly [from: number, to: number] | undefined;
  readonly weekdays: readonly Weekday[] | undefined;
}

/** What rules look at. */
export interface RuledCall {
  readonly actor: Scope;
  readonly action: CallAction;
  readonly capabilityClaim?: Capability | undefined;
  readonly name: NameModel;
  /** Of the whole request: its prices are those that upstream is held to. */
  readonly quote: Quote;
}

/** What the policy's clock shows, when it is asked. */
type LocalClock = () => LocalMoment;

/** What was decided about one model, and by which rule; `rule: null`: none matched, which denies. */
export interface RuleHit {
  readonly effect: RuleEffect;
  readonly rule: SpokenRule | null;
  readonly model: string;
  /** The task that the model is for, or that denied it. */
  readonly task?: string | null;
  /** Why a task or a rule about providers denied it. */
  readonly message?: string;
}

/**
 * The first rule that speaks about this model at `nowMs`, milliseconds since 1970. Where rules exist and none speaks,
 * the model is denied.
 */
export function findRule(
  rules: readonly Rule[],
  call: RuledCall,
  model: string,
  nowMs: number,
  timeZone: string,
): RuleHit {
  const isAboutModel = isModelAction(call.action);
  const names = call.name(model);
  const clock = () => localMoment(timeZone, nowMs);
  const rule = rules.find(
    (candidate) =>
      coversAction(candidate.action, call.action) &&
      (isAboutModel ? speaksOf(candidate, names, call.name) : speaksOfResource(candidate, model)) &&
      holds(candidate.when, call, names, clock),
  );
  return { effect: rule?.effect ?? 'deny', rule: rule ?? null, model };
}

/** The rule in a sentence: `deny model/anthropic/* (rule 3)`. */
export function explainRule({ rule, model, message }: RuleHit): string {
  if (message !== undefined) return message;
  if (!rule) return `no rule allows ${model}`;
  const { effect, resource, index, reason } = rule;
  return `${reason === undefined ? '' : `${reason}: `}${model} is matched by ${effect} ${resource} (rules[${index}])`;
}

/** Whether rules of one action speak about calls of another. */
export function coversAction(rule: RuleAction, call: RuleAction): boolean {
  return rule === '*' ? isModelAction(call) : rule === call;
}

/** An allow means exactly what it says; a deny also what differs only in case or in how letters are encoded. */
function speaksOfResource({ effect, pattern }: Rule, resource: string): boolean {
  if (effect === 'allow') return fits(pattern.parts, resource);
  return fits(pattern.parts.map(foldText), foldText(resource));
}

function foldText(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

/** A deny holds for every name that could mean the model; an allow only for the model itself. */
function speaksOf(rule: Rule, names: ModelNames, name: NameModel): boolean {
  return rule.effect === 'deny' ? denies(rule.pattern, names, name) : allows(rule.pattern, names, name);
}

/** Whether a pattern may mean this model, by any name that it may go by. */
export function denies(pattern: ModelPattern, names: ModelNames, name: NameModel): boolean {
  if (names.isOpen) return true;
  for (const known of names.wide) if (fits(pattern.parts, known)) return true;
  if (pattern.parts.length > 1) return false;
  const denied = name(pattern.text);
  if (meets(denied.exact, names.wide)) return true;
  // Two models of the catalogue are told apart by it; otherwise a name with a date and the same without may be one.
  if (denied.isKnown && names.isKnown) return false;
  return sameButForDate(denied, names);
}

function sameButForDate(denied: ModelNames, asked: ModelNames): boolean {
  // Denied is one variant only: the name without it is another model.
  if (denied.id.includes(':') && !asked.id.includes(':')) return false;
  return meets(denied.dateless, asked.undated) || meets(denied.undated, asked.dateless);
}

function meets(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  for (const name of some) if (others.has(name)) return true;
  return false;
}

/** Whether a pattern means this model, and not only a name that it may go by. */
export function allows(pattern: ModelPattern, names: ModelNames, name: NameModel): boolean {
  if (pattern.parts.length === 1) return name(pattern.text).identity === names.identity;
  if (names.isOpen) return pattern.text === '*';
  return fits(pattern.parts, names.id);
}

/** Whether text matches parts with anything between them. Linear in the text for each part. */
export function fits(parts: readonly string[], text: string): boolean {
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (parts.length === 1) return text === first;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
    return false;
  if (parts.length === 2) return true;
  const end = text.length - last.length;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

function holds(when: RuleConditions, call: RuledCall, names: ModelNames, clock: LocalClock): boolean {
  return (
    holdsAnywhere(when, call, clock) &&
    isCheapEnough(when, call.quote) &&
    (names.contextTokens ?? 0) >= (when.minContextTokens ?? 0) &&
    isShortEnough(when, call.quote)
  );
}

/** The conditions that are not about a model. */
export function holdsAnywhere(
  when: RuleConditions,
  call: Pick<RuledCall, 'actor' | 'capabilityClaim'>,
  clock: LocalClock,
): boolean {
  return (
    (when.scope === undefined || covers(when.scope, call.actor)) &&
    satisfies(call.capabilityClaim, when.capability) &&
    isInTime(when, clock)
  );
}

/** By the prices that upstream is held to, so that a ceiling also holds there. Unknown prices are under no ceiling. */
function isCheapEnough({ maxInputUsd, maxOutputUsd }: RuleConditions, quote: Quote): boolean {
  if (maxInputUsd === undefined && maxOutputUsd === undefined) return true;
  if (quote.kind !== 'bounded') return false;
  if (maxInputUsd !== undefined && quote.admit.inputUsd > maxInputUsd) return false;
  return maxOutputUsd === undefined || quote.admit.outputUsd <= maxOutputUsd;
}

function isShortEnough({ maxInputTokens }: RuleConditions, quote: Quote): boolean {
  if (maxInputTokens === undefined) return true;
  return quote.kind === 'bounded' && quote.bounds.inputTokens <= maxInputTokens;
}

/** Calendars of zones are slow: only a rule that asks for one has it looked up. */
function isInTime({ hours, weekdays }: RuleConditions, clock: LocalClock): boolean {
  if (hours === undefined && weekdays === undefined) return true;
  const { minuteOfDay, weekday } = clock();
  return isInHours(hours, minuteOfDay) && (weekdays === undefined || weekdays.includes(weekday));
}

function isInHours(hours: RuleConditions['hours'], minute: number): boolean {
  if (hours === undefined) return true;
  const [from, to] = hours;
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}
