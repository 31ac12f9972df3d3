/** Reads the rules of a policy, each compiled once (docs/policy.md "Rules"). */
import {
  asFields,
  describe,
  type Fields,
  joinPath,
  noteProblem,
  readDecimal,
  readName,
  readObject,
  readOneOf,
  refuseUnknownKeys,
  requireKeys,
} from './fields.js';
import type { Json } from './json.js';
import { normalizeModelId } from './model-id.js';
import { parseUsd, type Usd } from './money.js';
import {
  CAPABILITIES,
  isModelAction,
  isOwnAction,
  type PolicyRule,
  RULE_ACTIONS,
  RULE_EFFECTS,
  type RuleAction,
  type RuleEffect,
  type RuleWhen,
  WEEKDAYS,
  type Weekday,
} from './policy.js';
import type { ProviderRule } from './provider-rule.js';
import type { ModelPattern, Rule, RuleConditions } from './rule.js';
import { readSelector } from './scope.js';

/** Longest reason of a rule, in UTF-16 code units. */
const MAX_REASON_LENGTH = 1024;
const PREFIX = 'model/';
const PROVIDER_PREFIX = 'provider/';
const REQUIRED_KEYS = ['effect', 'action', 'resource'] as const;
const RULE_KEYS: readonly (keyof PolicyRule)[] = [...REQUIRED_KEYS, 'when', 'reason'];
/** What a call must stay under, or a model must reach: as a reason to deny they could be met by trying harder. */
const ALLOW_KEYS = [
  'maxInputUsdPerMtok',
  'maxOutputUsdPerMtok',
  'minContextTokens',
  'maxInputTokens',
] as const;
const WHEN_KEYS: readonly (keyof RuleWhen)[] = ['scope', 'capability', ...ALLOW_KEYS, 'hours', 'weekdays'];
const TOKENS_PER_MTOK = 1_000_000n;

/** The rules about models and those about providers. */
export interface ReadRules {
  readonly rules: readonly Rule[];
  readonly providerRules: readonly ProviderRule[];
}

/** The rules that could be read, from the key `rules`. Everything wrong with the others is noted. */
export function readRules(fields: Fields): ReadRules {
  const read: { rules: Rule[]; providerRules: ProviderRule[] } = { rules: [], providerRules: [] };
  const list = fields.data.rules;
  if (list === undefined) return read;
  if (!Array.isArray(list)) {
    noteProblem(fields.problems, 'rules', `must be an array, found ${describe(list)}`);
    return read;
  }
  if (list.length === 0)
    noteProblem(
      fields.problems,
      'rules',
      'is empty, which could mean all models or none; leave it out to allow all',
    );
  for (const [index, value] of list.entries()) {
    const rule = asFields(value as Json, joinPath('rules', index), fields.problems);
    const found = rule && readRule(rule, index);
    if (found && 'pattern' in found) read.rules.push(found);
    else if (found) read.providerRules.push(found);
  }
  return read;
}

function readRule(fields: Fields, index: number): Rule | ProviderRule | undefined {
  requireKeys(fields, REQUIRED_KEYS);
  refuseUnknownKeys(fields, RULE_KEYS);
  const effect = readOneOf(fields, 'effect', RULE_EFFECTS);
  const action = readAction(fields);
  const resource = readName(fields, 'resource');
  const own = action === undefined || isModelAction(action) ? undefined : action;
  const isProvider = own === undefined && (resource?.startsWith(PROVIDER_PREFIX) ?? false);
  const provider = isProvider ? readProvider(fields, resource ?? '') : undefined;
  const pattern = resource === undefined || isProvider ? undefined : readPattern(fields, resource, own);
  const whenFields = readObject(fields, 'when');
  const when = readWhen(whenFields ?? { ...fields, data: {} }, effect, isProvider || own !== undefined);
  const reason = readName(fields, 'reason', MAX_REASON_LENGTH);
  if (!effect || !action || resource === undefined) return undefined;
  const spoken = { index, effect, action, resource, reason };
  if (provider) return { ...spoken, provider: provider === '*' ? undefined : provider, when };
  return pattern && { ...spoken, pattern, when };
}

/** A router takes slugs, and no patterns. */
function readProvider(fields: Fields, resource: string): string | undefined {
  const slug = resource.slice(PROVIDER_PREFIX.length);
  if (slug === '*' || /^[a-z0-9][a-z0-9.-]*(\/[a-z0-9][a-z0-9.-]*)*$/.test(slug)) return slug;
  const message = slug.includes('*')
    ? `is ${describe(resource)}, and routers take no patterns: write provider/* or one rule for each provider`
    : `must be "provider/" and a slug such as "amazon-bedrock", found ${describe(resource)}`;
  noteProblem(fields.problems, joinPath(fields.path, 'resource'), message);
  return undefined;
}

/** One of the actions of models, or one of the caller's own. */
function readAction(fields: Fields): RuleAction | undefined {
  const { action } = fields.data;
  if (typeof action === 'string' && isOwnAction(action)) return action;
  return readOneOf(fields, 'action', RULE_ACTIONS);
}

/** What an action of the caller's own is done to: as written, since nobody knows its spellings. */
function readOwnPattern(fields: Fields, resource: string): ModelPattern | undefined {
  const text = resource.trim();
  const [, kind] = /^([a-z][a-z0-9_-]*)\/./.exec(text) ?? [];
  if (kind !== undefined && kind !== 'model' && kind !== 'provider')
    return { text, parts: text.split(/\*+/) };
  const message =
    kind === undefined
      ? `must be a kind and a name such as "payee/acme", found ${describe(resource)}`
      : `is about a ${kind}, which goes with the actions ${RULE_ACTIONS.join(', ')} alone`;
  noteProblem(fields.problems, joinPath(fields.path, 'resource'), message);
  return undefined;
}

function readPattern(
  fields: Fields,
  resource: string,
  own: RuleAction | undefined,
): ModelPattern | undefined {
  if (own !== undefined) return readOwnPattern(fields, resource);
  const text = resource.slice(PREFIX.length).trim();
  if (resource.startsWith(PREFIX) && text !== '') return { text, parts: normalizeModelId(text).split(/\*+/) };
  const message = `must be "model/" and a model id, in which * stands for any text, or "provider/" and a slug, found ${describe(resource)}`;
  noteProblem(fields.problems, joinPath(fields.path, 'resource'), message);
  return undefined;
}

function readWhen(fields: Fields, effect: RuleEffect | undefined, isElsewhere: boolean): RuleConditions {
  refuseUnknownKeys(fields, WHEN_KEYS);
  for (const key of ALLOW_KEYS)
    if (isElsewhere && fields.data[key] !== undefined)
      noteProblem(
        fields.problems,
        joinPath(fields.path, key),
        'is about models: write it in a rule about models',
      );
    else if (effect === 'deny' && fields.data[key] !== undefined)
      noteProblem(
        fields.problems,
        joinPath(fields.path, key),
        'goes only with the effect "allow": allow what stays within it, and deny the rest in a later rule',
      );
  const scope = readObject(fields, 'scope');
  return {
    scope: scope && readSelector(scope),
    capability: readOneOf(fields, 'capability', CAPABILITIES),
    maxInputUsd: readUsdPerToken(fields, 'maxInputUsdPerMtok'),
    maxOutputUsd: readUsdPerToken(fields, 'maxOutputUsdPerMtok'),
    minContextTokens: readTokens(fields, 'minContextTokens'),
    maxInputTokens: readTokens(fields, 'maxInputTokens'),
    hours: readHours(fields),
    weekdays: readWeekdays(fields),
  };
}

/** A price per million tokens as US dollars per token. */
export function readUsdPerToken(fields: Fields, key: string): Usd | undefined {
  const parse = (text: string) => {
    const usd = parseUsd(text);
    return usd === undefined || usd % TOKENS_PER_MTOK !== 0n ? undefined : usd / TOKENS_PER_MTOK;
  };
  return readDecimal(fields, key, parse, 'has digits below 10⁻¹⁸ US dollars');
}

function readTokens(fields: Fields, key: string): number | undefined {
  const value = fields.data[key];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value;
  const message = `must be a whole number of at least 1, found ${describe(value)}`;
  noteProblem(fields.problems, joinPath(fields.path, key), message);
  return undefined;
}

function readHours(fields: Fields): RuleConditions['hours'] {
  const value = fields.data.hours;
  if (value === undefined) return undefined;
  const match = typeof value === 'string' ? /^(\d\d):(\d\d)-(\d\d):(\d\d)$/.exec(value) : null;
  const [from, to] = match
    ? [minutes(match[1], match[2]), minutes(match[3], match[4])]
    : [Number.NaN, Number.NaN];
  if (from < 1440 && to <= 1440 && from !== to) return [from, to];
  const message = `must be two times of the day such as "08:00-18:00", found ${describe(value)}`;
  noteProblem(fields.problems, joinPath(fields.path, 'hours'), message);
  return undefined;
}

/** Minutes since midnight; `NaN` when it is no time of the day. */
function minutes(hour = '', minute = ''): number {
  return Number(minute) < 60 ? Number(hour) * 60 + Number(minute) : Number.NaN;
}

function readWeekdays(fields: Fields): readonly Weekday[] | undefined {
  const value = fields.data.weekdays;
  if (value === undefined) return undefined;
  const path = joinPath(fields.path, 'weekdays');
  if (!Array.isArray(value) || value.length === 0) {
    noteProblem(
      fields.problems,
      path,
      `must be an array of ${WEEKDAYS.join(', ')}, found ${describe(value)}`,
    );
    return undefined;
  }
  return value.flatMap((day: Json, index) => {
    const found = WEEKDAYS.find((word) => word === day);
    if (found === undefined)
      noteProblem(
        fields.problems,
        joinPath(path, index),
        `must be one of ${WEEKDAYS.join(', ')}, found ${describe(day)}`,
      );
    return found ?? [];
  });
}
