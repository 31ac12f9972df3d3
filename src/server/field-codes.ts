/** The values that calls are grouped and counted by (core/grouping.ts), as codes of one row of the index. */
import type { ValueField } from '../core/grouping.js';
import type { CodedColumn, Dictionaries, RowChunk } from './row-chunk.js';

/** Columns of a field: the first one that is not empty holds the value. */
const COLUMNS: { readonly [K in ValueField]: readonly [CodedColumn, CodedColumn?] } = {
  action: ['action'],
  state: ['state'],
  model: ['resolved', 'requested'],
  requested: ['requested'],
  resolved: ['resolved'],
  served: ['served'],
  provider: ['servedProvider', 'provider'],
  user: ['user'],
  team: ['team'],
  agent: ['agent'],
  task: ['task'],
  session: ['session'],
  workflow: ['workflow'],
  env: ['environment'],
  tenant: ['tenant'],
  scope: ['scope'],
  policy: ['policy'],
  code: ['code'],
  cap: ['cap'],
  outcome: ['outcome'],
  source: ['costSource'],
  signer: ['signer'],
};

export interface FieldCodes {
  /** The one column that holds the codes as they are; `undefined` when there are two. */
  readonly column: CodedColumn | undefined;
  /** A small number for the value of a row. Two numbers may stand for one value. */
  codeOf(chunk: RowChunk, at: number): number;
  textOf(code: number): string;
}

export function readField(field: ValueField, dictionaries: Dictionaries): FieldCodes {
  const [first, second] = COLUMNS[field];
  if (second === undefined)
    return {
      column: first,
      codeOf: (chunk, at) => chunk.codes[first][at] ?? 0,
      textOf: (code) => dictionaries[first].decode(code),
    };
  return {
    column: undefined,
    codeOf(chunk, at) {
      const code = chunk.codes[first][at] ?? 0;
      return code > 0 ? 2 * code : 2 * (chunk.codes[second][at] ?? 0) + 1;
    },
    textOf: (code) => dictionaries[code % 2 === 0 ? first : second].decode(code >> 1),
  };
}
