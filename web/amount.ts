/** Amounts as the page shows them: exact text from the wire, summed and compared as `Usd`, rounded only for the eye. */
import { ONE_USD, parseUsd, printUsd, showUsd, type Usd } from '../src/core/money.js';

/** The amount with about three significant digits, at least two decimals: `$1,204.52`, `$0.0106`. */
export function showAmount(usd: string | null | undefined): string {
  if (usd === null || usd === undefined) return 'unknown';
  const amount = parseUsd(usd);
  return amount === undefined ? 'unknown' : roundForEye(amount);
}

/** With as many decimals as its neighbours, 2 or 4, so that points stand below each other; never rounded to nothing. */
export function showInColumn(usd: string | null, decimals: 2 | 4 = 4): string {
  const amount = usd === null ? undefined : parseUsd(usd);
  if (amount === undefined) return 'unknown';
  const least = ONE_USD / 10n ** BigInt(decimals);
  return amount > 0n && amount < least ? `<${printRounded(least, decimals)}` : printRounded(amount, decimals);
}

/** Every digit: `$0.010615`. */
export function showExact(usd: string | null | undefined): string {
  const amount = typeof usd === 'string' ? parseUsd(usd) : undefined;
  return amount === undefined ? 'unknown' : showUsd(amount);
}

/** For drawing only: a chart's pixel needs no more than a float holds. */
export function toPixelValue(usd: string): number {
  return Number(usd) || 0;
}

/** Share of one amount in another, 0 to 1 and beyond; 0 when there is no whole. For drawing only. */
export function shareOf(part: string, whole: string): number {
  const [a, b] = [toPixelValue(part), toPixelValue(whole)];
  return b > 0 ? a / b : 0;
}

/** The exact difference `a − b`, as text. */
export function subtract(a: string, b: string): string {
  return printUsd((parseUsd(a) ?? 0n) - (parseUsd(b) ?? 0n));
}

function roundForEye(amount: Usd): string {
  const size = amount < 0n ? -amount : amount;
  return printRounded(amount, decimalsFor(size));
}

function printRounded(amount: Usd, decimals: number): string {
  const negative = amount < 0n;
  const [whole = '0', fraction = ''] = printUsd(roundTo(negative ? -amount : amount, decimals)).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  return `${negative ? '−' : ''}$${grouped}.${fraction.padEnd(decimals > 3 ? 4 : 2, '0')}`;
}

function decimalsFor(size: Usd): number {
  if (size === 0n || size >= ONE_USD) return 2;
  const zeros = /^0\.(0*)/.exec(printUsd(size))?.[1]?.length ?? 0;
  return Math.max(2, zeros + 3);
}

function roundTo(size: Usd, decimals: number): Usd {
  const step = ONE_USD / 10n ** BigInt(decimals);
  return step === 0n ? size : ((size + step / 2n) / step) * step;
}

/** The sum of exact amounts, as `showAmount` shows it. */
export function addAmounts(amounts: readonly string[]): string {
  return roundForEye(amounts.reduce((sum, usd) => sum + (parseUsd(usd) ?? 0n), 0n));
}
