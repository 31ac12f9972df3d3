/**
 * Tokens that a provider's chat template may add by printing JSON in its own way: on lines of their own with spaces
 * before them, with spaces after separators, with letters escaped. Bytes as they were sent do not cover that.
 */
import { type Fields, isObject } from './field-checks.js';

/** Spaces that a template puts before a line, per level; tokenizers know runs of at least as many as `RUN`. */
const INDENT = 4;
const RUN = 16;
/** A letter that is not ASCII takes at least two bytes as sent, and six as an escape. */
const BYTES_PER_ESCAPE = 4;

/** Tokens on top of the bytes of a request: for its tools, its schema, and the calls of tools in its history. */
export function countReprint(body: Fields): number {
  const { tools, functions, response_format, text } = body;
  const printed = [tools, functions, response_format, isObject(text) ? text.format : undefined];
  return (
    printed.reduce((sum: number, value) => sum + countLines(value, 1), 0) +
    [...listCalls(body.messages), ...listCalls(body.input)].reduce(
      (sum: number, value) => sum + countSeparators(value),
      0,
    )
  );
}

/** One line per entry and per end of a list or object. */
function countLines(value: unknown, depth: number): number {
  if (typeof value === 'string') return countLetters(value);
  if (typeof value !== 'object' || value === null) return 0;
  const perLine = 1 + Math.ceil((depth * INDENT) / RUN);
  let sum = perLine;
  for (const [key, child] of Object.entries(value))
    sum += perLine + countLetters(key) + countLines(child, depth + 1);
  return sum;
}

function countLetters(text: string): number {
  return BYTES_PER_ESCAPE * (text.match(/[^\0-\x7f]/g)?.length ?? 0);
}

/** Arguments are JSON as text: templates that read it print it anew, with a space after each separator. */
function countSeparators(value: unknown): number {
  if (typeof value === 'string') return (value.match(/[,:]/g)?.length ?? 0) + countLetters(value);
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce((sum: number, child) => sum + 1 + countSeparators(child), 0);
}

function listCalls(items: unknown): readonly unknown[] {
  if (!Array.isArray(items)) return [];
  return items.filter(isObject).flatMap((item) => [item.tool_calls, item.function_call, item.arguments]);
}
