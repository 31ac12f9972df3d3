/** Writes filters: the canonical text of a tree, and single terms for whoever clicks instead of types. */
import { showUsd } from './money.js';
import type { Pattern, Query, TextQueryField } from './query-ast.js';

/** Quoted, these stand for themselves. */
const SPECIAL = /[\s()",*\\]/;
/** At the start of a bare word these would mean something else. */
const SPECIAL_WORD = /^[-!]|^[a-zA-Z]+:|^(?:or|and)$|^[0-9a-f]{8}-/i;

/** The shortest usual text that means the same; reading it gives an equal tree. */
export function printQuery(query: Query): string {
  switch (query.kind) {
    case 'all':
      return '';
    case 'and':
      return query.parts
        .map((part) => (part.kind === 'or' ? `(${printQuery(part)})` : printQuery(part)))
        .join(' ');
    case 'or':
      return query.parts.map(printQuery).join(' or ');
    case 'not':
      return isList(query.part) ? `-(${printQuery(query.part)})` : `-${printQuery(query.part)}`;
    case 'word':
      return SPECIAL_WORD.test(query.text) ? quote(query.text) : quoteIfSpecial(query.text);
    case 'text':
      return `${query.field}:${query.patterns.map(printPattern).join(',')}`;
    case 'number':
      return `${query.field}:${query.op === '=' ? '' : query.op}${query.field === 'tokens' ? query.value : showUsd(query.value)}`;
    case 'unknown':
      return `${query.field}:unknown`;
    case 'time':
      return `${query.field}:${query.text}`;
  }
}

/** The term for calls that have exactly this value in a field; excluded when `isNot`. */
export function printTerm(field: TextQueryField, value: string, isNot = false): string {
  return `${isNot ? '-' : ''}${field}:${printPattern([value])}`;
}

/** A filter with one more term. One that is there already is not added. */
export function addTerm(text: string, term: string): string {
  const trimmed = text.trim();
  if (trimmed === '') return term;
  if (trimmed === term || trimmed.endsWith(` ${term}`) || trimmed.startsWith(`${term} `)) return trimmed;
  // A term beside "or" would belong to the last alternative only.
  return /\bor\b/i.test(trimmed) ? `(${trimmed}) ${term}` : `${trimmed} ${term}`;
}

/** A value of a text field as it is written. */
function printPattern(pattern: Pattern): string {
  const text = pattern.map((part) => (part === '' ? '' : quoteIfSpecial(part))).join('*');
  return text === '' ? '""' : text;
}

function isList({ kind }: Query): boolean {
  return kind === 'and' || kind === 'or';
}

function quoteIfSpecial(text: string): string {
  return SPECIAL.test(text) ? quote(text) : text;
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
