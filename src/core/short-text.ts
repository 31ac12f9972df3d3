/** Amounts, spans of time and counts in few characters, for lists and gauges. Exact figures stand elsewhere. */
import { USD_SCALE, type Usd } from './money.js';

/** Decimals that suit amounts of a list whose largest is this: cents for hundreds, more for little. */
export function chooseDecimals(largest: Usd): number {
  const dollars = largest / 10n ** BigInt(USD_SCALE);
  return dollars >= 100n ? 2 : dollars >= 1n ? 4 : 6;
}

/** `$1,234.50`, rounded to `decimals` places; `<$0.01` for something that would read as nothing. */
export function shortUsd(amount: Usd, decimals = 2): string {
  const unit = 10n ** BigInt(USD_SCALE - decimals);
  const rounded = (amount + unit / 2n) / unit;
  const digits = (rounded === 0n && amount > 0n ? 1n : rounded).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const text = decimals === 0 ? shortCount(whole) : `${shortCount(whole)}.${digits.slice(-decimals)}`;
  return `${rounded === 0n && amount > 0n ? '<' : ''}$${text}`;
}

/** `12,345`. */
export function shortCount(count: number | bigint | string): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** `3d 4h`, `5h 12m`, `2m 5s`, `42s`: the two largest units, rounded down; never negative. */
export function shortSpan(ms: number): string {
  const at = UNITS.findIndex(([, unitMs]) => ms >= unitMs);
  const [unit, unitMs] = UNITS[at] ?? ['s', 1000];
  const whole = Math.max(0, Math.floor(ms / unitMs));
  const next = at < 0 ? undefined : UNITS[at + 1];
  const rest = next ? Math.floor((ms % unitMs) / next[1]) : 0;
  return `${whole}${unit}${next && rest > 0 ? ` ${rest}${next[0]}` : ''}`;
}

/** A bar of `width` characters for a share of 0 and up. What is used but less than one character shows as one. */
export function drawBar(share: number, width: number): string {
  const filled = Math.min(width, share > 0 ? Math.max(1, Math.round(share * width)) : 0);
  // Full only when it is: at 99 % there is room left.
  const shown = share < 1 ? Math.min(filled, width - 1) : filled;
  return `${'█'.repeat(shown)}${'░'.repeat(width - shown)}`;
}
