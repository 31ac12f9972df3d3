/** Text that other programs read byte for byte: escaped only where it goes to a terminal. */
import type { CliIo } from './io.js';
import { escapeText } from './print.js';

/** Writes text that ends with a line feed to standard output. */
export function writeRaw({ stdout }: CliIo, text: string): void {
  stdout.write(stdout.isTerminal ? text.split('\n').map(escapeText).join('\n') : text);
}
