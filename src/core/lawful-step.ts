/** The step of a verification that judges what a row decides, and what it says of the ledger's lawfulness at the end. */
import { createLawfulness, type Lawfulness, type LawfulOptions } from './lawful.js';
import { type LedgerState, type Row, report } from './ledger-state.js';
import type { SignerChain } from './signers.js';

/** What this step keeps. */
export interface LawfulStep {
  readonly lawfulness: Lawfulness;
  /** Whether every row so far was seen, whole and in its place: sums after a gap are not those that were decided by. */
  isSound: boolean;
}

/** `undefined` where no policies were brought. */
export function createLawfulStep(
  policies: LawfulOptions['policies'] | undefined,
  demanded: LawfulOptions['demanded'],
): LawfulStep | undefined {
  if (!policies) return undefined;
  return { lawfulness: createLawfulness({ policies, ...(demanded && { demanded }) }), isSound: true };
}

/** Decides the call of a row again, and counts the row. */
export function judgeRow(state: LedgerState, row: Row, signer: SignerChain | undefined): void {
  const { lawful, problems, order } = state;
  if (!lawful || !row.intact) return;
  const startsLate = order.startsLate || signer === undefined || signer.startsLate;
  lawful.isSound &&= !startsLate && problems.faults.contiguous === undefined;
  const breaches = lawful.lawfulness.apply(row.receipt, row.timestampMs, lawful.isSound);
  for (const { code, message } of breaches) report(state, code, row, message, signer);
}
