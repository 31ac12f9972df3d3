/**
 * Rules about upstream providers: behind a router such as OpenRouter they become lists that are sent with the request,
 * elsewhere they speak about whoever is asked (docs/policy.md "Providers").
 */
import { localMoment } from './local-time.js';
import {
  coversAction,
  holdsAnywhere,
  type RuleConditions,
  type RuledCall,
  type RuleHit,
  type SpokenRule,
} from './rule.js';

/** One rule about providers, read and compiled. */
export interface ProviderRule extends SpokenRule {
  /** The exact slug; `undefined`: any provider. */
  readonly provider: string | undefined;
  readonly when: RuleConditions;
}

/** Who is asked, and whom the request names to be routed to. */
export interface Upstream {
  /** `openrouter`, `openai`, or a host name. */
  readonly provider: string;
  /** The providers of `provider.order` and `provider.only`, as the request writes them. */
  readonly routes: readonly string[];
}

/** What a router is held to. */
export interface Routes {
  /** Nobody else; `undefined`: anybody. */
  readonly only: readonly string[] | undefined;
  readonly ignore: readonly string[];
}

const ROUTER = 'openrouter';
/** Names under which answers tell a provider, where these are not its slug in other letters. */
const NAMED: ReadonlyMap<string, string> = new Map([
  ['google', 'googlevertex'],
  ['mancer2', 'mancer'],
]);

type ProviderCall = Pick<RuledCall, 'actor' | 'action' | 'capabilityClaim'> & {
  readonly upstream?: Upstream | undefined;
};

/** The rule that keeps a call from being sent, or `undefined`. `model` is what the receipt then names. */
export function denyProvider(
  rules: readonly ProviderRule[],
  call: ProviderCall,
  model: string,
  nowMs: number,
  timeZone: string,
): RuleHit | undefined {
  const spoken = listSpoken(rules, call, nowMs, timeZone);
  const { provider, routes } = upstreamOf(call);
  const asked = provider === ROUTER ? routes : [provider];
  const denied = asked.find((name) => !permits(routesOf(spoken), name));
  if (denied !== undefined) {
    const rule = spoken.find((one) => one.provider === undefined || covers(one.provider, denied)) ?? null;
    return { effect: 'deny', rule, model, message: explainDenial(`the provider ${denied}`, rule) };
  }
  if (provider !== ROUTER || routesOf(spoken).only?.length !== 0) return undefined;
  const rule = spoken.find((one) => one.provider === undefined) ?? null;
  return { effect: 'deny', rule, model, message: explainDenial('any provider', rule) };
}

/** What the router is to be held to for a call that passes; `undefined` where there is none. */
export function findRoutes(
  rules: readonly ProviderRule[],
  call: ProviderCall,
  nowMs: number,
  timeZone: string,
): Routes | undefined {
  if (rules.length === 0 || upstreamOf(call).provider !== ROUTER) return undefined;
  return routesOf(listSpoken(rules, call, nowMs, timeZone));
}

/** What both allow. */
export function joinRoutes(a: Routes | undefined, b: Routes | undefined): Routes | undefined {
  if (!a || !b) return a ?? b;
  const ignore = [...new Set([...a.ignore, ...b.ignore])];
  if (!a.only || !b.only) return { only: a.only ?? b.only, ignore };
  const only = [...a.only.filter((name) => permits(b, name)), ...b.only.filter((name) => permits(a, name))];
  return { only: [...new Set(only)], ignore };
}

/**
 * Whether a provider, as an answer names it, is one that the request was not to be routed to. Answers have names, not
 * slugs: one that only resembles an allowed slug is taken for it.
 */
export function breaksRoutes({ only, ignore }: Routes, served: string): boolean {
  const name = NAMED.get(keyOf(served)) ?? keyOf(served);
  // A slug with a variant names some endpoints of a provider, and the answer does not tell which it was.
  if (ignore.some((slug) => keyOf(slug) === name)) return true;
  if (only === undefined) return false;
  const bases = only.map((slug) => keyOf(slug.split('/', 1)[0] ?? slug));
  return !bases.some((base) => base.startsWith(name) || name.startsWith(base));
}

/** Whether a slug, or a name in its place, is within the lists. */
export function permits({ only, ignore }: Routes, name: string): boolean {
  if (ignore.some((slug) => covers(slug, name))) return false;
  return only?.some((slug) => covers(slug, name)) ?? true;
}

function routesOf(spoken: readonly ProviderRule[]): Routes {
  const only: string[] = [];
  const ignore: string[] = [];
  for (const { provider, effect } of spoken) {
    if (provider === undefined) return { only: effect === 'allow' ? undefined : only, ignore };
    const earlier = effect === 'allow' ? ignore : only;
    if (earlier.some((slug) => covers(slug, provider))) continue;
    (effect === 'allow' ? only : ignore).push(provider);
  }
  return { only, ignore };
}

function listSpoken(
  rules: readonly ProviderRule[],
  call: ProviderCall,
  nowMs: number,
  timeZone: string,
): readonly ProviderRule[] {
  const clock = () => localMoment(timeZone, nowMs);
  return rules.filter(
    ({ action, when }) => coversAction(action, call.action) && holdsAnywhere(when, call, clock),
  );
}

function upstreamOf({ upstream, actor }: ProviderCall): Upstream {
  return upstream ?? { provider: actor.provider ?? '', routes: [] };
}

/** Whether a slug means what another one, or a name, means: itself, or all variants of it. */
function covers(slug: string, name: string): boolean {
  const [key, other] = [keyOf(slug), keyOf(name)];
  return key === other || other.startsWith(`${key}/`);
}

/** Slugs and names without what they are written differently in: `Amazon Bedrock` and `amazon-bedrock`. */
function keyOf(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9/]/g, '');
}

function explainDenial(name: string, rule: SpokenRule | null): string {
  if (!rule) return `no rule allows ${name}`;
  const why = rule.reason === undefined ? '' : `${rule.reason}: `;
  return `${why}${name} is matched by ${rule.effect} ${rule.resource} (rules[${rule.index}])`;
}
