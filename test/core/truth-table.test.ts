import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Decision } from '../../src/core/decide.js';
import { decideAll } from '../../src/core/decide-all.js';
import { nobleBackend } from '../../src/core/ed25519.js';
import { nameModel } from '../../src/core/model-names.js';
import type { Cap, PolicyRule, PolicyTask, SpendCap, SpendPolicy } from '../../src/core/policy.js';
import { CAP_ACTIONS, CAPABILITIES, POLICY_MODES } from '../../src/core/policy.js';
import { parsePolicy } from '../../src/core/policy-reader.js';
import { joinQuotes, type Quote } from '../../src/core/price.js';

/** Cents per call: expected and at most; dollars per million input tokens. One model has no price. */
const MODELS = {
  'a/big': { expected: 10, atMost: 20, perMtok: 5 },
  'a/small': { expected: 1, atMost: 2, perMtok: 1 },
  'b/mid': { expected: 5, atMost: 10, perMtok: 3 },
  'b/none': undefined,
} as const;
type Model = keyof typeof MODELS;
const NAMES = Object.keys(MODELS) as Model[];
const CENT = 10n ** 22n;
/** A Friday. */
const NOW = Date.parse('2026-11-20T12:00:00Z');

interface Situation {
  /** The one that is looked at, of these. */
  readonly policy: SpendPolicy;
  readonly policies: readonly SpendPolicy[];
  readonly model: Model;
  readonly fallbacks: readonly Model[];
  readonly taskId: string | undefined;
  readonly claim: (typeof CAPABILITIES)[number] | undefined;
  readonly isRetry: boolean;
  /** Of every counter, in cents, requests or tokens. */
  readonly settled: number;
  readonly held: number;
}

interface Verdict {
  readonly action: string;
  readonly model: string;
  readonly code: string | null;
  readonly would: string | null;
  /** How many alerts are raised. */
  readonly alerts: number;
}

// --- The naive evaluator: sentence by sentence from docs/policy.md, with nothing of src in it.

function naive(at: Situation): Verdict {
  const { policy, model, claim } = at;
  const verdict = (action: string, more: Partial<Verdict> = {}): Verdict => ({
    action,
    model,
    code: null,
    would: action === 'shadow' ? 'block' : null,
    alerts: 0,
    ...more,
  });
  const rank = (capability: string | undefined) =>
    ['read_only', 'data_write', 'payment_initiate', 'payment_execute'].indexOf(capability ?? '');
  if (rank(claim) < Math.max(rank(policy.requiredCapability), rank(taskOf(at)?.requiredCapability)))
    return verdict('block', { code: 'capability' });
  const decided = naiveCall(at, verdict);
  if (policy.mode === 'enforce' || decided.action === 'allow' || decided.action === 'shadow') return decided;
  return verdict('shadow', { would: decided.action });
}

function naiveCall(at: Situation, verdict: (action: string, more?: Partial<Verdict>) => Verdict): Verdict {
  const { model, fallbacks } = at;
  const asked = [model, ...fallbacks];
  if (asked.some((name) => !isPermitted(at, name, asked))) return verdict('block', { code: 'rule_denied' });
  if (asked.some((name) => !MODELS[name])) return verdict('block', { code: 'unknown_price' });
  const trips = trippedBy(at, asked);
  const blocked = blockOf(at, trips, asked);
  if (blocked) return verdict('block', { code: blocked });
  const wanting = at.isRetry
    ? []
    : trips.filter(
        (cap) => cap.action === 'downgrade' && (cap.window === 'per_call' || cap.downgradeTo !== model),
      );
  if (wanting.length === 0) return verdict(trips.some((cap) => cap.action === 'shadow') ? 'shadow' : 'allow');
  const targets = wanting
    .map((cap) => cap.downgradeTo as Model)
    .filter((name) => isPermitted(at, name, [name]));
  if (targets.length === 0) return verdict('block', { code: 'rule_denied' });
  const atMost = (name: Model) => MODELS[name]?.atMost ?? Number.POSITIVE_INFINITY;
  const target = [...targets].sort((a, b) => atMost(a) - atMost(b))[0]!;
  if (!MODELS[target]) return verdict('block', { code: 'unknown_price' });
  const again = trippedBy(at, [target]);
  const blockedAgain = blockOf(at, again, [target]);
  if (blockedAgain) return verdict('block', { code: blockedAgain });
  if (again.some((cap) => cap.action === 'downgrade' && cap.window === 'per_call'))
    return verdict('block', { code: 'cap_exceeded' });
  return verdict('downgrade', { model: target });
}

function taskOf({ policy, taskId }: Situation): PolicyTask | undefined {
  if (!policy.tasks) return undefined;
  return (taskId !== undefined ? policy.tasks[taskId] : undefined) ?? policy.tasks['*'];
}

function isPermitted(at: Situation, name: Model, asked: readonly Model[]): boolean {
  const { policy } = at;
  const dearest = asked.some((other) => !MODELS[other])
    ? Number.POSITIVE_INFINITY
    : Math.max(...asked.map((other) => MODELS[other]!.perMtok));
  const like = (pattern: string) => new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(name);
  if (policy.rules) {
    const first = policy.rules.find(({ action, resource, when }) => {
      if (action === 'embedding.generate' || !like(resource.replace('model/', ''))) return false;
      if (when?.scope && when.scope.taskId !== at.taskId) return false;
      if (when?.weekdays && !when.weekdays.includes('fri')) return false;
      return when?.maxInputUsdPerMtok === undefined || dearest <= Number(when.maxInputUsdPerMtok);
    });
    if (first?.effect !== 'allow') return false;
  }
  if (!policy.tasks) return true;
  const task = taskOf(at);
  if (!task || !(like(task.model) || task.fallback === name)) return false;
  return task.maxInputUsdPerMtok === undefined || dearest <= Number(task.maxInputUsdPerMtok);
}

/** Several policies, by the words of docs/policy.md. The codes are those that may be told: which one is a matter of specificity. */
function naiveAll(at: Situation): Verdict & { readonly codes: readonly (string | null)[] } {
  const each = at.policies.map((policy) => naive({ ...at, policy }));
  const blocks = each.filter(({ action }) => action === 'block').map(({ code }) => code);
  const final = blocks.filter((code) => code !== 'held');
  if (blocks.length > 0) return { ...each[0]!, ...refusal(final.length > 0 ? final : blocks, at) };
  const enforcing = at.policies.filter(({ mode }) => mode === 'enforce').map((policy) => ({ ...at, policy }));
  const result = each.some(({ action }) => action === 'downgrade')
    ? naiveDowngrade(enforcing, at)
    : naivePass(each, at);
  const alerts = result.action === 'block' ? 0 : countAlerts(at, result.model);
  return { ...result, alerts };
}

const refusal = (codes: readonly (string | null)[], { model }: Situation) =>
  ({ action: 'block', model, would: null, alerts: 0, code: codes[0] ?? null, codes }) as const;

function naivePass(each: readonly Verdict[], { model }: Situation) {
  const wishes = each.map(({ would }) => would);
  const would = wishes.includes('block') ? 'block' : wishes.includes('downgrade') ? 'downgrade' : null;
  return { action: would === null ? 'allow' : 'shadow', model, would, alerts: 0, code: null, codes: [null] };
}

function naiveDowngrade(enforcing: readonly Situation[], at: Situation) {
  const asked = [at.model, ...at.fallbacks];
  const targets = enforcing
    .flatMap((one) => trippedBy(one, asked))
    .filter(
      (cap) => cap.action === 'downgrade' && (cap.window === 'per_call' || cap.downgradeTo !== at.model),
    )
    .map((cap) => cap.downgradeTo as Model)
    .filter((name) => enforcing.every((one) => isPermitted(one, name, [name])));
  if (targets.length === 0) return refusal(['rule_denied'], at);
  const atMost = (name: Model) => MODELS[name]?.atMost ?? Number.POSITIVE_INFINITY;
  const target = [...targets].sort((a, b) => atMost(a) - atMost(b))[0]!;
  if (!MODELS[target]) return refusal(['unknown_price'], at);
  const trips = enforcing.flatMap((one) => trippedBy(one, [target]));
  const blocked = blockOf(at, trips, [target]);
  if (blocked) return refusal([blocked], at);
  if (trips.some((cap) => cap.action === 'downgrade' && cap.window === 'per_call'))
    return refusal(['cap_exceeded'], at);
  return { action: 'downgrade', model: target, would: null, alerts: 0, code: null, codes: [null] };
}

/** Estimates before the call and with it, against each part of each cap; what a call without a price adds is not known. */
function countAlerts(at: Situation, sent: Model): number {
  const price = MODELS[sent];
  const asked = sent === at.model ? [sent, ...at.fallbacks] : [sent];
  if (!price || asked.some((name) => !MODELS[name])) return 0;
  const levels = at.policies.flatMap((policy) =>
    capsOf({ ...at, policy })
      .filter((cap) => !cap.selector || cap.selector.taskId === at.taskId)
      .flatMap((cap) => (cap.alertAt ?? []).map((part) => ({ cap, level: Number(part) * limitOf(cap) }))),
  );
  const before = at.settled + at.held;
  const addsTo = (cap: SpendCap) =>
    cap.maxRequests !== undefined ? 1 : cap.maxTokens !== undefined ? 100 : price.expected;
  return levels.filter(({ cap, level }) => before < level && level <= before + addsTo(cap)).length;
}

/** Caps of the policy, and those of its tasks with what they take from their task. */
function capsOf({ policy }: Situation): readonly SpendCap[] {
  const ofTasks = Object.entries(policy.tasks ?? {}).flatMap(([taskId, { caps = [], fallback }]) =>
    caps.map((cap) => ({
      ...cap,
      selector: { taskId },
      downgradeTo: cap.action === 'downgrade' ? (cap.downgradeTo ?? fallback) : undefined,
    })),
  );
  return [...policy.caps, ...ofTasks];
}

function addedBy(cap: SpendCap, asked: readonly Model[]): number {
  if (cap.maxRequests !== undefined || cap.maxInFlight !== undefined) return 1;
  if (cap.maxTokens !== undefined) return cap.action === 'block' ? 200 : 100;
  if (cap.action !== 'block') return MODELS[asked[0]!]!.expected;
  return Math.max(...asked.map((name) => MODELS[name]!.atMost));
}

const limitOf = (cap: SpendCap) =>
  cap.maxRequests ?? cap.maxTokens ?? cap.maxInFlight ?? Number(cap.amountCents);

/** What has ended is not in flight. */
const settledOf = (cap: SpendCap, { settled }: Situation) => (cap.maxInFlight === undefined ? settled : 0);

function trippedBy(at: Situation, asked: readonly Model[]): readonly SpendCap[] {
  return capsOf(at).filter((cap) => {
    if (cap.selector && cap.selector.taskId !== at.taskId) return false;
    const before = cap.window === 'per_call' ? 0 : settledOf(cap, at) + at.held;
    return before + addedBy(cap, asked) > limitOf(cap);
  });
}

function blockOf(at: Situation, trips: readonly SpendCap[], asked: readonly Model[]): string | undefined {
  const blocks = trips.filter((cap) => cap.action === 'block');
  if (blocks.length === 0) return undefined;
  const onlyHeld = blocks.every(
    (cap) =>
      cap.window !== 'per_call' &&
      cap.maxRequests === undefined &&
      settledOf(cap, at) + addedBy(cap, asked) <= limitOf(cap),
  );
  return onlyHeld ? 'held' : 'cap_exceeded';
}

// --- The real one, on the same situation.

function quoteOf(model: string): Quote {
  const known = MODELS[model as Model];
  if (!known)
    return {
      kind: 'unbounded',
      model,
      identity: model,
      code: 'unknown_price',
      message: 'm',
      reason: 'r',
      hint: 'h',
    };
  // The bound stands in the fee of one request, so that joining two quotes takes the dearer one.
  const fee = { inputUsd: 0n, outputUsd: 0n, requestUsd: BigInt(known.atMost) * CENT };
  const admit = { inputUsd: BigInt(known.perMtok) * 10n ** 18n, outputUsd: 0n, requestUsd: 0n };
  return {
    kind: 'bounded',
    model,
    identity: model,
    price: { model, identity: model, source: 'override', list: fee, bound: fee, admit, cacheWriteFactor: 1n },
    bounds: {
      inputTokens: 100,
      outputTokens: 100,
      expectedInputTokens: 50,
      expectedOutputTokens: 50,
      writesCache: false,
    },
    hasFallbacks: false,
    max: fee,
    admit,
    expectedUsd: BigInt(known.expected) * CENT,
    reservedUsd: fee.requestUsd,
  };
}

function real({ policies, model, fallbacks, taskId, claim, isRetry, settled, held }: Situation): Verdict {
  const read = policies.map((policy) => {
    const reading = parsePolicy(policy, nobleBackend);
    if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
    return reading.policy;
  });
  const totals = ({ unit }: Cap) => {
    const scale = unit === 'usd' ? CENT : 1n;
    return {
      settled: unit === 'in_flight' ? 0n : BigInt(settled) * scale,
      held: BigInt(held) * scale,
      heldExpected: BigInt(held) * scale,
    };
  };
  const quote = (name: string): Quote =>
    (name === model ? fallbacks : []).reduce((joined: Quote, other) => {
      const next = quoteOf(other);
      if (joined.kind === 'unbounded') return joined;
      return next.kind === 'bounded' ? joinQuotes(joined, next) : { ...next, model: joined.model };
    }, quoteOf(name));
  const decision: Decision = decideAll(
    read,
    totals,
    {
      actor: { tenantId: 'acme', ...(taskId === undefined ? {} : { taskId }) },
      run: 'r',
      model,
      capabilityClaim: claim,
      action: 'llm.generate',
      name: (id) => nameModel(undefined, id),
      listFallbacks: (name) => (name === model ? fallbacks : []),
      quote,
      isRetry,
    },
    NOW,
  );
  return {
    action: decision.action,
    model: decision.modelResolved,
    code: decision.refusal?.code ?? null,
    would: decision.wouldAction,
    alerts: decision.alerting.flatMap(({ alerts }) => alerts).length,
  };
}

// --- Situations.

const anyModel = fc.constantFrom(...NAMES, ...NAMES.slice(0, 3));
const seldom = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });
const anyTask = fc.constantFrom('pay', 'scan', undefined);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
const anyPattern = fc.constantFrom(...NAMES, '*', 'a/*', 'b/*', '*i*');
const anyCeiling = fc.constantFrom(0.5, 1, 3, 4, 5);

const anyRule: fc.Arbitrary<PolicyRule> = fc
  .record({
    effect: fc.constantFrom('allow', 'allow', 'deny'),
    action: fc.constantFrom('llm.generate', '*', 'embedding.generate'),
    pattern: anyPattern,
    scope: maybe(fc.constantFrom('pay', 'scan').map((taskId) => ({ taskId }))),
    weekdays: maybe(fc.constantFrom(['fri'] as const, ['mon', 'sun'] as const)),
    maxInputUsdPerMtok: maybe(anyCeiling),
  })
  .map(({ effect, action, pattern, maxInputUsdPerMtok, ...when }) => ({
    effect,
    action,
    resource: `model/${pattern}`,
    when: effect === 'allow' ? { ...when, maxInputUsdPerMtok } : when,
  }));

function capWith(hasFallback: boolean): fc.Arbitrary<SpendCap> {
  return fc
    .record({
      amount: fc.constantFrom(
        ...[0, 2, 5, 10, 19, 20, 30, 50].map((amountCents) => ({ amountCents })),
        ...[0, 3, 30].map((maxRequests) => ({ maxRequests })),
        ...[100, 199, 230].map((maxTokens) => ({ maxTokens })),
        ...[0, 1, 2, 3, 21].map((maxInFlight) => ({ maxInFlight })),
      ),
      window: fc.constantFrom('per_call', 'per_minute', 'per_day', 'total'),
      action: fc.constantFrom(...CAP_ACTIONS, 'downgrade'),
      target: hasFallback ? maybe(anyModel) : anyModel,
      alertAt: maybe(fc.constantFrom([0.5], ['0.8', 1], [0.1, 0.25])),
    })
    .map(({ amount, window, action, target, alertAt }) => ({
      ...amount,
      ...('maxInFlight' in amount
        ? {}
        : { window: 'maxRequests' in amount && window === 'per_call' ? 'per_hour' : window }),
      ...('maxInFlight' in amount || window === 'per_call' ? {} : { alertAt }),
      action,
      ...(action === 'downgrade' ? { downgradeTo: target } : {}),
    }));
}

const anyTaskEntry: fc.Arbitrary<PolicyTask> = fc.record({
  model: fc.oneof(anyModel, anyPattern),
  fallback: anyModel,
  caps: fc.array(capWith(true), { maxLength: 2 }),
  requiredCapability: maybe(fc.constantFrom(...CAPABILITIES)),
  maxInputUsdPerMtok: maybe(anyCeiling),
});

const anyTasks = fc
  .record({ pay: anyTaskEntry, other: maybe(anyTaskEntry), hasOther: fc.boolean() })
  .map(({ pay, other, hasOther }) => {
    const { caps: _, ...rest } = other ?? pay;
    return hasOther ? { pay, '*': rest } : { pay };
  });

const anyPolicy: fc.Arbitrary<SpendPolicy> = fc.record({
  id: fc.constant('p'),
  name: fc.constant('P'),
  scope: fc.constant({ tenantId: 'acme' }),
  mode: fc.constantFrom(...POLICY_MODES),
  version: fc.constant(1),
  effectiveFrom: fc.constant('2026-01-01T00:00:00Z'),
  requiredCapability: seldom(fc.constantFrom(...CAPABILITIES)),
  caps: fc.array(capWith(false), { maxLength: 4 }),
  rules: seldom(fc.array(anyRule, { minLength: 1, maxLength: 5 })),
  tasks: seldom(anyTasks),
});

const anySituation: fc.Arbitrary<Situation> = fc
  .record({
    policies: fc.oneof(
      { weight: 2, arbitrary: fc.array(anyPolicy, { minLength: 1, maxLength: 1 }) },
      { weight: 3, arbitrary: fc.array(anyPolicy, { minLength: 2, maxLength: 3 }) },
    ),
    model: anyModel,
    fallbacks: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(anyModel, { maxLength: 2 })),
    taskId: anyTask,
    claim: maybe(fc.constantFrom(...CAPABILITIES)),
    isRetry: fc.constantFrom(false, false, false, true),
    settled: fc.constantFrom(0, 0, 1, 8, 20, 30),
    held: fc.constantFrom(0, 2, 20, 20),
  })
  .map((situation) => ({ ...situation, policy: situation.policies[0]! }));

describe('the truth table', () => {
  const numRuns = process.env.SLOW ? 60_000 : 6_000;

  it(`${numRuns} combinations of policies, rules, tasks, capabilities, modes, caps and alerts are decided as a naive reading decides them`, () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(anySituation, (situation) => {
        const { codes, ...expected } = naiveAll(situation);
        const kind = `${expected.action} ${expected.code ?? expected.would ?? ''}`.trim();
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
        const { code, ...found } = real(situation);
        const { code: _, ...rest } = expected;
        expect(found).toEqual(rest);
        expect(codes).toContain(code);
        if (expected.alerts > 0) seen.set('alerts', (seen.get('alerts') ?? 0) + 1);
        if (situation.policies.length > 1)
          seen.set(`${kind}, several`, (seen.get(`${kind}, several`) ?? 0) + 1);
      }),
      { numRuns },
    );
    // A table that leaves a kind of answer out proves nothing about it.
    const kinds = ['allow', 'downgrade', 'shadow block', 'shadow downgrade'];
    const codes = ['rule_denied', 'unknown_price', 'capability', 'cap_exceeded', 'held'];
    const all = [...kinds, ...codes.map((code) => `block ${code}`)];
    for (const kind of [...all, ...all.map((one) => `${one}, several`), 'alerts'])
      expect(seen.get(kind) ?? 0, kind).toBeGreaterThan(0);
  }, 300_000);
});
