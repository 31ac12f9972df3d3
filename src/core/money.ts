/**
 * Exact money: a `Usd` is a bigint count of 10⁻²⁴ US dollars. Text in, text out, never a float.
 * The scale holds every price OpenRouter has published (up to 23 decimals); see docs/receipt-format.md.
 */

/** US dollars in units of 10⁻²⁴. The compiler keeps it apart from `number`. */
export type Usd = bigint;

/** Decimal places that a `Usd` can hold. */
export const USD_SCALE = 24;

/** One US dollar. */
export const ONE_USD: Usd = 10n ** BigInt(USD_SCALE);

const ONE_CENT: Usd = ONE_USD / 100n;
const MAX_USD: Usd = 10n ** BigInt(40 + USD_SCALE);
/** 10⁰ to 10⁷²: powers of bigints are slow, and every amount of a row needs one. */
const POWERS: readonly bigint[] = Array.from({ length: 3 * USD_SCALE + 1 }, (_, n) => 10n ** BigInt(n));
const MAX_SAFE_CENTS = BigInt(Number.MAX_SAFE_INTEGER);
const DECIMAL = /^(-?)(\d{1,40})(?:\.(\d{1,400}))?(?:[eE]([+-]?\d{1,3}))?$/;

/** What to do with digits below 10⁻²⁴: refuse the text, or round away from zero. */
export type Excess = 'refuse' | 'up';

/**
 * Reads a decimal such as `"0.00000125"` or `"8e-06"` as US dollars.
 *
 * @returns the exact amount, or `undefined` when the text is not a decimal, is beyond 10⁴⁰ USD, or
 *   (with `'refuse'`) has digits below 10⁻²⁴.
 */
export function parseUsd(text: string, excess: Excess = 'refuse'): Usd | undefined {
  const match = DECIMAL.exec(text);
  if (!match) return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const shift = USD_SCALE - fraction.length + Number(exponent);
  const digits = BigInt(whole + fraction);
  if (shift > 3 * USD_SCALE) return digits === 0n ? 0n : undefined;
  let amount: bigint;
  if (shift >= 0) {
    amount = digits * (POWERS[shift] as bigint);
  } else {
    const divisor = POWERS[-shift] ?? 10n ** BigInt(-shift);
    amount = digits / divisor;
    if (digits % divisor !== 0n) {
      if (excess === 'refuse') return undefined;
      amount += 1n;
    }
  }
  if (amount > MAX_USD) return undefined;
  return sign === '-' ? -amount : amount;
}

/** The exact decimal of an amount, shortest form: `"0"`, `"12.5"`, `"0.000128"`. Inverse of `parseUsd`. */
export function printUsd(amount: Usd): string {
  const known = printed.get(amount);
  if (known !== undefined) return known;
  const text = printDecimal(amount);
  if (printed.size >= MAX_PRINTED) printed.clear();
  printed.set(amount, text);
  return text;
}

/** Limits, prices and bounds stand in row after row, and cost ten times as much to print as to find here. */
const printed = new Map<Usd, string>();
const MAX_PRINTED = 256;

function printDecimal(amount: Usd): string {
  if (amount === 0n) return '0';
  const negative = amount < 0n;
  const digits = (negative ? -amount : amount).toString().padStart(USD_SCALE + 1, '0');
  const whole = digits.slice(0, -USD_SCALE);
  const fraction = digits.slice(-USD_SCALE).replace(/0+$/, '');
  return `${negative ? '-' : ''}${whole}${fraction && `.${fraction}`}`;
}

/** The amount for people: `"$0.90"`, `"$0.000128"`; at least two decimals, all significant ones kept. */
export function showUsd(amount: Usd): string {
  const text = printUsd(amount < 0n ? -amount : amount);
  const [whole = '0', fraction = ''] = text.split('.');
  return `${amount < 0n ? '-' : ''}$${whole}.${fraction.padEnd(2, '0')}`;
}

/**
 * Whole cents, rounded up: only for the integer fields that older readers require. Beyond 2⁵³ − 1 it stays there, since
 * readers may disagree about larger numbers; the exact amount stands beside it as text.
 */
export function ceilCents(amount: Usd): number {
  const cents = (amount + (amount > 0n ? ONE_CENT - 1n : 0n)) / ONE_CENT;
  return cents > MAX_SAFE_CENTS ? Number.MAX_SAFE_INTEGER : Number(cents);
}

/** Reads an amount of cents, a JSON number or decimal text, exactly. `undefined` as in `parseUsd`. */
export function parseCents(cents: number | string, excess: Excess = 'refuse'): Usd | undefined {
  return parseScaled(cents, 2, excess);
}

/** Reads a price in cents per 1,000 tokens as USD per token, exactly. `undefined` as in `parseUsd`. */
export function parseCentsPerKtok(price: number | string): Usd | undefined {
  return parseScaled(price, 5, 'refuse');
}

/** A per-token price printed as USD per million tokens, the unit people and `provider.max_price` use. */
export function printUsdPerMtok(perToken: Usd): string {
  return printUsd(perToken * 1_000_000n);
}

/** A per-token price printed in cents per 1,000 tokens, the unit of the older receipt fields. */
export function printCentsPerKtok(perToken: Usd): string {
  return printUsd(perToken * 100_000n);
}

/** The larger of two amounts. */
export function maxUsd(a: Usd, b: Usd): Usd {
  return a > b ? a : b;
}

/** Reads a decimal and divides it by 10^`places`, exactly. */
function parseScaled(value: number | string, places: number, excess: Excess): Usd | undefined {
  const match = /^(.*?)(?:[eE]([+-]?\d{1,3}))?$/.exec(String(value));
  return match ? parseUsd(`${match[1]}e${Number(match[2] ?? 0) - places}`, excess) : undefined;
}
