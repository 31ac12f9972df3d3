/** The columns of a call in the live view: which there are at a width, and what stands in them. */
import type { CallRecord } from '../core/call-record.js';
import { shortCount, shortUsd } from '../core/short-text.js';

export interface Column {
  readonly head: string;
  /** Characters; one column takes what is left. */
  readonly width: number;
  readonly isFlexible?: boolean;
  readonly isRight?: boolean;
  readonly print: (record: CallRecord) => string;
}

/** Marks that tell actions apart without colour. */
export const ACTION_MARKS: Readonly<Record<CallRecord['action'], string>> = {
  allow: '✓ allow',
  downgrade: '↓ downgrade',
  shadow: '~ shadow',
  block: '✗ block',
  control: '! control',
};

const TIME: Column = {
  head: 'UTC',
  width: 8,
  print: ({ timestampMs }) => printTime(timestampMs).slice(11, 19),
};
const ACTION: Column = { head: 'action', width: 11, print: ({ action }) => ACTION_MARKS[action] };
const MODEL: Column = {
  head: 'model',
  width: 20,
  isFlexible: true,
  print: (record) => describeModel(record),
};
const SHORT_MODEL: Column = { ...MODEL, print: (record) => describeModel(record, dropAuthor) };
const WHO: Column = {
  head: 'who',
  width: 12,
  print: ({ user, team, agent }) => user || agent || team || '-',
};
const TEAM: Column = { head: 'team', width: 12, print: ({ team }) => team || '-' };
const TASK: Column = { head: 'task', width: 12, print: ({ task }) => task || '-' };
const SCOPE: Column = { head: 'scope', width: 10, print: ({ scope }) => scope };
const TOKENS: Column = { head: 'tokens', width: 8, isRight: true, print: printTokens };
const COST: Column = { head: 'cost', width: 11, isRight: true, print: printCost };

/** Columns for a terminal of so many characters. */
export function chooseColumns(columns: number): readonly Column[] {
  if (columns >= 132) return [TIME, ACTION, MODEL, WHO, TEAM, TASK, SCOPE, TOKENS, COST];
  if (columns >= 100) return [TIME, ACTION, MODEL, WHO, TEAM, TASK, TOKENS, COST];
  if (columns >= 76) return [TIME, ACTION, SHORT_MODEL, WHO, TASK, COST];
  if (columns >= 54) return [TIME, ACTION, SHORT_MODEL, COST];
  return [ACTION, SHORT_MODEL, COST];
}

/** A moment as ISO 8601 without its end; blank where a row has none. */
export function printTime(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : ' '.repeat(24);
}

/** Characters of each column when all have `columns` together, gaps of one between them. */
export function measureColumns(layout: readonly Column[], columns: number): readonly number[] {
  const fixed = layout.reduce(
    (sum, column) => sum + (column.isFlexible ? 0 : column.width),
    layout.length - 1,
  );
  return layout.map((column) => (column.isFlexible ? Math.max(4, columns - fixed) : column.width));
}

/** The model that is meant; for a control row what it does. */
function describeModel(
  { action, code, reason, requested, resolved }: CallRecord,
  name: (model: string) => string = (model) => model,
): string {
  if (action === 'control') return `${code}${reason === '' ? '' : `: ${reason}`}`;
  const model = name(resolved || requested || '-');
  if (action === 'block' && code !== '') return `${name(requested) || model} (${code})`;
  return action === 'downgrade' && requested !== resolved ? `${model} ← ${name(requested)}` : model;
}

/** `claude-haiku-4.5` of `anthropic/claude-haiku-4.5`. */
function dropAuthor(model: string): string {
  return model.slice(model.indexOf('/') + 1);
}

function printTokens({ inputTokens, outputTokens }: CallRecord): string {
  if (inputTokens === null && outputTokens === null) return '';
  return shortCount((inputTokens ?? 0) + (outputTokens ?? 0));
}

/** `$0.010600`; `≤` before a bound; `?` where nobody knows. */
function printCost({ action, state, costUsd, costSource }: CallRecord): string {
  if (action === 'control' || action === 'block') return '';
  if (costUsd === null) return '?';
  const isBound = state === 'held' || costSource === 'reserved';
  return `${isBound ? '≤' : ''}${shortUsd(costUsd, costUsd >= 100n * 10n ** 24n ? 2 : 6)}`;
}
