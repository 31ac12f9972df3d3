/** How prices, their changes and their age read, for people and as JSON. */
import { printUsd, printUsdPerMtok, type Usd } from '../core/money.js';
import { listMoves, type PriceChanges, type PriceMove } from '../core/price-changes.js';
import { measureTableAgeMs, type PriceTable } from '../core/price-table.js';
import type { PriceKey, UnitPrice } from '../core/pricing.js';

const AGES = [
  { unit: 'd', ms: 86_400_000, fromMs: 2 * 86_400_000 },
  { unit: 'h', ms: 3_600_000, fromMs: 2 * 3_600_000 },
  { unit: 'min', ms: 60_000, fromMs: 2 * 60_000 },
] as const;
/** Prices that are paid for each one, not per token. */
const PER_PIECE: ReadonlySet<PriceKey> = new Set(['request', 'image', 'web_search']);
/** Longest price that is shown as it is; longer ones are rounded up to four digits and marked. */
const MAX_PRICE_LENGTH = 8;

/** `0 s`, `90 s`, `5 min`, `30 h`, `12 d`: rounded down; never negative. */
export function showAge(ageMs: number): string {
  const unit = AGES.find(({ fromMs }) => ageMs >= fromMs);
  return unit ? `${Math.floor(ageMs / unit.ms)} ${unit.unit}` : `${Math.max(0, Math.floor(ageMs / 1000))} s`;
}

/** US dollars per million tokens: `3`, `0.25`, `~0.08334` where the exact figure is longer. */
export function showPerMtok(perToken: Usd): string {
  const exact = printUsdPerMtok(perToken);
  if (exact.length <= MAX_PRICE_LENGTH) return exact;
  const [whole = '0', fraction = ''] = exact.split('.');
  const zeros = whole === '0' ? (/^0*/.exec(fraction)?.[0].length ?? 0) : 0;
  const places = BigInt(whole.length > 4 ? 0 : zeros + 4 - (whole === '0' ? 0 : whole.length));
  const unit = 10n ** (24n - places);
  const perMtok = perToken * 1_000_000n;
  return `~${printUsd(((perMtok + unit - 1n) / unit) * unit)}`;
}

/** Tokens, short: `200k`, `1M`, `1.05M`. */
export function showTokens(tokens: number | null): string {
  if (tokens === null) return '?';
  if (tokens >= 1_000_000) return `${Math.round(tokens / 10_000) / 100}M`;
  return tokens >= 1_000 ? `${Math.round(tokens / 1_000)}k` : String(tokens);
}

/** `prompt 3 → 300 USD per million (100×)`. */
export function showMove({ key, inOverride, was, now }: PriceMove): string {
  const unit = PER_PIECE.has(key) ? ' USD each' : ' USD per million';
  const where = inOverride ? `${key} at its dearest` : key;
  const ratio = typeof was === 'bigint' && typeof now === 'bigint' ? showRatio(was, now) : '';
  const hasPrice = typeof was === 'bigint' || typeof now === 'bigint';
  return `${where} ${showUnit(key, was)} → ${showUnit(key, now)}${hasPrice ? unit : ''}${ratio}`;
}

/** What a table is, without its models. */
export function describeTable(table: PriceTable, nowMs: number) {
  return {
    source: table.source,
    fetchedAt: table.fetchedAt,
    ageSeconds: Math.max(0, Math.floor(measureTableAgeMs(table, nowMs) / 1000)),
    contentHash: table.contentHash,
    models: table.models.length,
  };
}

export function describeChanges({ added, gone, changed }: PriceChanges) {
  return { added, gone, changed: changed.map(({ id, moves }) => ({ id, moves: moves.map(describeMove) })) };
}

/** The models held back: since when, and every price that differs between the believed listing and the new one. */
export function describeHeld(table: PriceTable) {
  return Array.from(table.heldBack, ([id, { since, was, now }]) => ({
    id,
    since,
    moves: listMoves(was.pricing, now.pricing).map(describeMove),
  }));
}

/** Amounts as exact decimal text, US dollars per token or each; `null` where none is listed. */
function describeMove({ key, inOverride, was, now }: PriceMove) {
  return { key, inOverride, was: describePrice(was), now: describePrice(now) };
}

function describePrice(price: UnitPrice | undefined): string | null {
  if (price === undefined) return null;
  return price === 'routed' ? price : printUsd(price);
}

function showUnit(key: PriceKey, price: UnitPrice | undefined): string {
  if (price === undefined) return 'not listed';
  if (price === 'routed') return price;
  return PER_PIECE.has(key) ? printUsd(price) : showPerMtok(price);
}

function showRatio(was: Usd, now: Usd): string {
  if (was === 0n) return now === 0n ? '' : ' (from free)';
  if (now === 0n) return ' (to free)';
  const [small, large] = was < now ? [was, now] : [now, was];
  const tenths = (large * 10n) / small;
  const times = tenths >= 100n ? String(tenths / 10n) : `${tenths / 10n}.${tenths % 10n}`;
  return was < now ? ` (${times}×)` : ` (1/${times})`;
}
