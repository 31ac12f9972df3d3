/** Everything about one call, label by label, for the live view. What is empty is left out. */
import type { CallRecord } from '../core/call-record.js';
import { printUsd, type Usd } from '../core/money.js';
import { printTime } from './record-columns.js';

/** Labels and texts, in the order of the screen. Texts come from rows: hostile. */
export function listDetails(record: CallRecord): readonly (readonly [label: string, value: string])[] {
  const { requested, resolved, served, action, wouldAction, state } = record;
  const isCall = action !== 'control';
  const lines: readonly (readonly [string, string])[] = [
    ['decision', `${record.decisionId}${record.attempt > 1 ? `, attempt ${record.attempt}` : ''}`],
    ['time', printTime(record.timestampMs).trim()],
    ['action', `${action}${wouldAction === '' ? '' : `, would ${wouldAction}`}${isCall ? `, ${state}` : ''}`],
    ['code', record.code],
    ['reason', record.reason],
    ['model', requested === resolved || resolved === '' ? requested : `${resolved}, asked for ${requested}`],
    ['answered by', [served, record.servedProvider].filter((part) => part !== '').join(' at ')],
    ['outcome', `${record.outcome}${record.partial ? ', partial' : ''}`],
    [
      'cost',
      isCall ? `${print(record.costUsd)}${record.costSource === '' ? '' : ` (${record.costSource})`}` : '',
    ],
    ['expected', isCall ? `${print(record.expectedUsd)}, at most ${print(record.reservedUsd)}` : ''],
    ['tokens', printTokens(record)],
    ['cap', record.cap],
    ['who', listLabels(record)],
    ['policy', record.policy],
    ['ledger', `${record.scope}, row ${record.row}`],
    ['signer', record.signer],
  ];
  return lines.filter(([, value]) => value !== '');
}

function listLabels(record: CallRecord): string {
  const labels = ['tenant', 'team', 'user', 'agent', 'task', 'session', 'workflow', 'environment'] as const;
  return labels
    .filter((label) => record[label] !== '')
    .map((label) => `${label} ${record[label]}`)
    .join(', ');
}

function printTokens({ inputTokens, outputTokens }: CallRecord): string {
  if (inputTokens === null && outputTokens === null) return '';
  return `${inputTokens ?? '?'} in, ${outputTokens ?? '?'} out`;
}

function print(amount: Usd | null): string {
  return amount === null ? 'unknown' : `$${printUsd(amount)}`;
}
