/** The names of rows, and calls as the page gets them. */
import { basename } from 'node:path';

export { printRow } from '../core/row-summary.js';

/** Where a row's line lies, by its scope's folder. */
export interface RowRef {
  readonly folder: string;
  readonly part: number;
  readonly offset: number;
}

const REF = /^([a-z0-9_%-]{1,200})\.([0-9]{1,6})\.([0-9]{1,15})$/;

/** Names a row for as long as its ledger is there: the parts of a ledger keep their numbers. */
export function printRef(folder: string, part: number, offset: number): string {
  return `${basename(folder)}.${part}.${offset}`;
}

/** `undefined` for text that names no row. */
export function parseRef(text: string): RowRef | undefined {
  const [, folder, part, offset] = REF.exec(text) ?? [];
  return folder === undefined ? undefined : { folder, part: Number(part), offset: Number(offset) };
}
