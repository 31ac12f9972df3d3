/** Whether a number literal means the same to every reader of JSON (docs/receipt-format.md, strict reading). */

/** Largest magnitude that binary64 counts up to without gaps. */
const MAX_EXACT = 2 ** 53;

/**
 * Reads a JSON number literal.
 *
 * @returns the number, or `undefined` when it lies beyond ±2⁵³ or binary64 does not keep its exact value:
 *   when the decimal value of the literal differs from that of the number's ECMAScript text.
 */
export function readExactNumber(literal: string): number | undefined {
  const number = Number(literal);
  if (Math.abs(number) > MAX_EXACT) return undefined;
  const printed = String(number);
  return printed === literal || normalize(printed) === normalize(literal) ? number : undefined;
}

/** `digits e exponent` with no zero at either end of the digits: equal for equal decimal values, `-0` being 0. */
function normalize(literal: string): string {
  const negative = literal.startsWith('-');
  const [mantissa = '', exponent = '0'] = literal.slice(negative ? 1 : 0).split(/[eE]/);
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = whole + fraction;
  const first = firstNonZero(digits);
  if (first === digits.length) return '0';
  const end = endOfNonZero(digits);
  const shift = Number(exponent) - fraction.length + (digits.length - end);
  return `${negative ? '-' : ''}${digits.slice(first, end)}e${shift}`;
}

// Loops, not patterns: `/0+$/` takes quadratic time on a literal of a million zeros that ends in 1.
function firstNonZero(digits: string): number {
  let at = 0;
  while (at < digits.length && digits.charCodeAt(at) === 0x30) at++;
  return at;
}

function endOfNonZero(digits: string): number {
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === 0x30) end--;
  return end;
}
