/** The values in a filter: texts with `*`, amounts and moments (docs/filter-language.md). All work is linear. */
import { parseInstant } from './instant.js';
import { parseUsd } from './money.js';
import type { Comparison, NumberQueryField, Pattern, TimeQueryField } from './query-ast.js';

const DAY_MS = 86_400_000;
const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: DAY_MS,
  w: 7 * DAY_MS,
};

/** Whether the whole text is of the pattern's form. Each `*` stands for any run of characters, also none. */
export function matchesPattern(pattern: Pattern, text: string): boolean {
  const first = pattern[0] ?? '';
  if (pattern.length <= 1) return text === first;
  const last = pattern[pattern.length - 1] ?? '';
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
    return false;
  // The leftmost place of each part in turn leaves most room for the rest: no need ever to go back.
  let at = first.length;
  const end = text.length - last.length;
  for (let index = 1; index < pattern.length - 1; index++) {
    const part = pattern[index] ?? '';
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

/** Reads `>0.05`, `<=$1`, `=0`, `12`. `undefined` when it is none; tokens are whole. */
export function parseComparison(
  field: NumberQueryField,
  text: string,
): { readonly op: Comparison; readonly value: bigint } | undefined {
  const match = /^(<=|>=|<|>|=)?(.*)$/su.exec(text);
  const [op = '=', figure = ''] = match?.slice(1) ?? [];
  const value = field === 'tokens' ? parseCount(figure) : parseUsd(figure.replace(/^\$/, ''));
  return value === undefined || value < 0n ? undefined : { op: op as Comparison, value };
}

function parseCount(text: string): bigint | undefined {
  return /^[0-9]{1,18}$/.test(text) ? BigInt(text) : undefined;
}

/**
 * Reads a moment: `2h` (s m h d w: so long before now), `today`, `yesterday`, `2026`, `2026-10`, `2026-10-01`, or a
 * date with a time. Days are of UTC unless the text names a zone. `until` a day, month or year means to its end.
 *
 * @returns milliseconds since 1970, or `undefined` when it is no such text.
 */
export function parseMoment(field: TimeQueryField, text: string, nowMs: number): number | undefined {
  const ago = /^([0-9]{1,6})([smhdw])$/.exec(text);
  if (ago) return nowMs - Number(ago[1]) * (UNITS_MS[ago[2] ?? ''] ?? 0);
  const span = parseSpan(text, nowMs);
  if (span) return field === 'since' ? span.fromMs : span.toMs;
  return parseInstant(text) ?? parseInstant(`${text}Z`);
}

/** A calendar day, month or year of UTC: from, inclusive, to, exclusive. */
function parseSpan(
  text: string,
  nowMs: number,
): { readonly fromMs: number; readonly toMs: number } | undefined {
  const today = Math.floor(nowMs / DAY_MS) * DAY_MS;
  if (text === 'today') return { fromMs: today, toMs: today + DAY_MS };
  if (text === 'yesterday') return { fromMs: today - DAY_MS, toMs: today };
  const match = /^([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?$/.exec(text);
  if (!match) return undefined;
  const [year, month, day] = match.slice(1).map((part) => (part === undefined ? undefined : Number(part)));
  const fromMs = parseInstant(`${match[1]}-${match[2] ?? '01'}-${match[3] ?? '01'}T00:00Z`);
  if (fromMs === undefined || year === undefined) return undefined;
  const to = new Date(fromMs);
  if (day !== undefined) to.setUTCDate(to.getUTCDate() + 1);
  else if (month !== undefined) to.setUTCMonth(to.getUTCMonth() + 1);
  else to.setUTCFullYear(to.getUTCFullYear() + 1);
  return { fromMs, toMs: to.getTime() };
}
