/**
 * Everything the command line prints goes through here. Text is escaped at the sink, whoever wrote it: a line of a
 * ledger can neither steer the terminal nor look like a line of ours (docs/threat-model.md, hostile log).
 */
import type { Output } from './io.js';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Text with a look. Whatever it holds is escaped like any other text. */
export interface Styled {
  readonly style: Style;
  readonly text: string;
}

export type Part = string | Styled;

export interface Printer {
  /** One line; on a terminal broken at its width, later lines indented by `indent` columns. */
  line(parts: Part | readonly Part[], indent?: number): void;
  /** A line `label  text`, the label padded to `width` columns, the text broken beside it. */
  entry(label: Part, width: number, parts: Part | readonly Part[]): void;
  /** A command line to copy, on a line of its own that is never broken. */
  command(text: string): void;
  blank(): void;
  /** A value as JSON on lines of its own. */
  json(value: unknown): void;
  readonly isTerminal: boolean;
}

const SGR: Readonly<Record<Style, string>> = {
  bold: '1',
  dim: '2',
  red: '31',
  green: '32',
  yellow: '33',
  cyan: '36',
};

/**
 * Control characters, escapes, bidi and zero-width ones, line separators, half surrogates, unassigned and private
 * characters, and every space but the plain one: all that can move the cursor, reorder a line or stay unseen.
 */
const UNSHOWABLE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/gu;
/** More marks than any script stacks: they would paint over the lines above and below. */
const MARK_PILE = /(\p{M}{4})\p{M}+/gu;
const MIN_COLUMNS = 40;
const MAX_COLUMNS = 110;

/** The text with everything that is not plainly visible as `\u{…}`. */
export function escapeText(text: string): string {
  return text.replace(MARK_PILE, '$1').replace(UNSHOWABLE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}

/** JSON in which the same characters are `\uXXXX`: reads back as the same value. */
export function printJson(value: unknown): string {
  const text = JSON.stringify(value, null, 2) ?? 'null';
  return text.replace(UNSHOWABLE, (character) => (character === '\n' ? '\n' : escapeUnits(character)));
}

/** Untrusted text of any length as something that fits in a line. */
export function shorten(text: string, maxLength = 120): string {
  const characters = Array.from(text.slice(0, maxLength * 2));
  if (characters.length <= maxLength && text.length <= maxLength * 2) return text;
  return `${characters.slice(0, maxLength - 1).join('')}…`;
}

/** A printer on an output. Colour is used only where a person looks and did not ask for none. */
export function createPrinter(output: Output, wantsColor: boolean): Printer {
  const color = output.isTerminal && wantsColor;
  const columns = Math.min(MAX_COLUMNS, Math.max(MIN_COLUMNS, output.columns || 80));
  const width = output.isTerminal ? columns : Number.POSITIVE_INFINITY;
  const write = (line: string): void => output.write(`${line}\n`);
  return {
    isTerminal: output.isTerminal,
    line(parts, indent = 0) {
      write(layOut(listParts(parts), width, indent, color));
    },
    entry(label, labelWidth, parts) {
      const padding = ' '.repeat(Math.max(1, labelWidth - escapeText(textOf(label)).length));
      write(layOut([label, padding, ...listParts(parts)], width, labelWidth, color));
    },
    command: (text) => write(`  ${escapeText(text)}`),
    blank: () => write(''),
    json: (value) => output.write(`${printJson(value)}\n`),
  };
}

export function bold(text: string): Styled {
  return { style: 'bold', text };
}

export function dim(text: string): Styled {
  return { style: 'dim', text };
}

export function paint(style: Style, text: string): Styled {
  return { style, text };
}

function escapeUnits(character: string): string {
  return Array.from({ length: character.length }, (_, i) => {
    return `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
  }).join('');
}

function listParts(parts: Part | readonly Part[]): readonly Part[] {
  return typeof parts === 'string' || 'text' in parts ? [parts] : parts;
}

function textOf(part: Part): string {
  return typeof part === 'string' ? part : part.text;
}

/** Breaks at spaces; a word longer than a line is left to the terminal. */
function layOut(parts: readonly Part[], width: number, indent: number, color: boolean): string {
  let line = '';
  let column = 0;
  for (const part of parts) {
    const look = (text: string): string =>
      color && typeof part !== 'string' && text !== '' ? `\u001b[${SGR[part.style]}m${text}\u001b[0m` : text;
    for (const word of escapeText(textOf(part)).split(/(?<= )(?! )/)) {
      const visible = word.trimEnd().length;
      if (column + visible > width && column > indent) {
        line = `${line.trimEnd()}\n${' '.repeat(indent)}`;
        column = indent;
      }
      line += look(word);
      column += word.length;
    }
  }
  return line.trimEnd();
}
