/** Telling the program what was written: its listeners hear each row, and the process is warned of what nobody asked about. */
import type { JsonObject } from '../core/json.js';
import type { Receipt } from '../core/receipt.js';
import type { GuardSetup } from './options.js';

/** Tells the listeners of a guard of rows that were written, in order. Never throws. */
export function announceRows(
  { onDecision, onAlert }: Pick<GuardSetup, 'onDecision' | 'onAlert'>,
  receipts: readonly Receipt[],
): void {
  for (const receipt of receipts) {
    const { decision } = receipt;
    tell(onDecision, { decision, receipt });
    if (decision.ruleBroken === true) warn(brokenRule(decision));
    if (onAlert) for (const alert of listAlerts(receipt)) tell(onAlert, { alert, decision, receipt });
  }
}

/** Emits a process warning. */
export function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : new Error(String(error)));
}

/** What a listener throws is its own matter: the call goes on. */
function tell<T>(listener: ((event: T) => void) | undefined, event: T): void {
  try {
    const returned: unknown = listener?.(event);
    if (returned instanceof Promise) returned.catch((error: unknown) => warn(error));
  } catch (error) {
    warn(error);
  }
}

function brokenRule({ servedProvider, originalDecisionId }: JsonObject): Error {
  return new Error(
    `${servedProvider} answered the call ${originalDecisionId}, though the rules deny that provider`,
  );
}

function listAlerts({ decision }: Receipt): readonly JsonObject[] {
  return Array.isArray(decision.alerts) ? (decision.alerts as readonly JsonObject[]) : [];
}
