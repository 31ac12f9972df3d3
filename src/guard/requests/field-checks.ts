/** Small checks from which the readers of requests are made: each says why a field's value cannot be bounded, if so. */

export type Fields = Readonly<Record<string, unknown>>;

export interface UnboundedField {
  readonly field: string;
  readonly reason: string;
  /** The name of the field is the caller's own text, not one of ours: it stays out of the ledger. */
  readonly isUnknown?: true;
}

export type Check = (value: unknown, field: string) => UnboundedField | undefined;

export const REASONS = {
  unknown: 'is not a field this version can bound',
  files: 'images, audio and files are not bounded yet',
  paid: 'adds a paid service whose cost is not bounded yet',
  otherModels: 'lets other models answer, which cannot be checked',
  stored: 'adds input that is kept upstream, whose size is not known',
  upstreamTools: 'tools that run upstream are not bounded yet',
  list: 'must be a list',
  object: 'must be an object',
} as const;

/** The value never matters to the cost. */
export const harmless: Check = () => undefined;

/** Unbounded unless absent or of an allowed value. */
export function unless(allowed: (value: unknown) => boolean, reason: string): Check {
  return (value, field) => (value == null || allowed(value) ? undefined : { field, reason });
}

/** Unbounded whenever present. */
export function never(reason: string): Check {
  return unless(() => false, reason);
}

/** A number of tokens. With the most answers and prompts, the product stays an exact number. */
export const count: Check = wholeUpTo(100_000_000);

/** A number of answers. */
export const few: Check = wholeUpTo(1_000);

function wholeUpTo(most: number): Check {
  return unless(
    (value) => Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= most,
    `must be a whole number from 1 to ${most}`,
  );
}

/** Which tool the model must call: by name, one that the caller runs. */
export const callerTool: Check = unless(
  (value) =>
    typeof value === 'string' || (isObject(value) && ['function', 'custom'].includes(String(value.type))),
  REASONS.upstreamTools,
);

/** An object with no keys but these. */
export function onlyKeys(known: readonly string[]): Check {
  return (value, field) => {
    if (value == null) return undefined;
    if (!isObject(value)) return { field, reason: REASONS.object };
    const unknown = Object.keys(value).find((key) => value[key] != null && !known.includes(key));
    return unknown === undefined
      ? undefined
      : { field: `${field}.${unknown}`, reason: REASONS.unknown, isUnknown: true };
  };
}

/** A list whose items all pass a check of their own. */
export function eachItem(check: Check): Check {
  return (value, field) => {
    if (value == null) return undefined;
    if (!Array.isArray(value)) return { field, reason: REASONS.list };
    for (const [index, item] of value.entries()) {
      const found = check(item, `${field}[${index}]`);
      if (found) return found;
    }
    return undefined;
  };
}

/** Text, or a list of parts whose `type` is one of these. */
export function textOrParts(types: readonly string[]): Check {
  const parts = eachItem((part, field) =>
    isObject(part) && types.includes(String(part.type)) ? undefined : { field, reason: REASONS.files },
  );
  return (value, field) => {
    if (value == null || typeof value === 'string') return undefined;
    return Array.isArray(value) ? parts(value, field) : { field, reason: 'must be text or a list of parts' };
  };
}

/** Tools that the caller runs; anything else runs upstream and may cost more than tokens. */
export function toolsOfTypes(types: readonly string[]): Check {
  return eachItem((tool, field) =>
    isObject(tool) && types.includes(String(tool.type))
      ? undefined
      : { field, reason: REASONS.upstreamTools },
  );
}

/** The first field that fails its check, or that has none. */
export function findUnbounded(
  body: Fields,
  checks: Readonly<Record<string, Check>>,
): UnboundedField | undefined {
  for (const [name, value] of Object.entries(body)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (!check && value !== undefined) return { field: name, reason: REASONS.unknown, isUnknown: true };
    const found = check?.(value, name);
    if (found) return found;
  }
  return undefined;
}

/** Checks for many fields of one kind. */
export function all(names: string, check: Check): Record<string, Check> {
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, check]));
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function hasItems(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

export function isList(value: unknown, expected: readonly unknown[]): boolean {
  return (
    Array.isArray(value) && value.length === expected.length && value.every((item, i) => item === expected[i])
  );
}
