/** An operator's word in a ledger: stop, resume, grant, each a row signed with the ledger's own key (docs/cli.md). */
import { randomUUID } from 'node:crypto';
import { type Controls, createControls } from '../core/control.js';
import {
  type ControlFacts,
  type GrantTerms,
  grantRow,
  type OperatorWords,
  resumeRow,
  stopRow,
} from '../core/control-row.js';
import type { JsonObject } from '../core/json.js';
import type { Receipt } from '../core/receipt.js';
import type { LedgerView } from '../core/spend-store.js';
import { openLedger } from './ledger.js';

/** Whose ledger, when, and who asks. */
export interface ControlRequest extends OperatorWords {
  readonly home: string;
  /** The tenant. */
  readonly scope: string;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** A grant that begins with its row. */
export interface GrantRequest extends ControlRequest, Omit<GrantTerms, 'fromMs' | 'untilMs'> {
  /** The moment after its last one, milliseconds since 1970; or how long it lasts, in milliseconds. */
  readonly until: { readonly atMs: number } | { readonly forMs: number };
}

/**
 * Throws the kill switch of a scope; on disk when this resolves. `undefined`: it was thrown before, and no row was
 * written.
 *
 * @throws AgentGuardError as `openLedger`
 */
export function stopScope(request: ControlRequest): Promise<Receipt | undefined> {
  return write(request, (facts, controls) => (controls.findStop() ? undefined : stopRow(facts, request)));
}

/** Ends a stop. `undefined`: nothing was stopped. @throws AgentGuardError as `openLedger` */
export function resumeScope(request: ControlRequest): Promise<Receipt | undefined> {
  return write(request, (facts, controls) => (controls.findStop() ? resumeRow(facts, request) : undefined));
}

/**
 * Grants more for a while, from the time of the row.
 *
 * @throws AgentGuardError as `openLedger`
 * @throws RangeError when it would end before it begins
 */
export async function grantScope(request: GrantRequest): Promise<Receipt> {
  const { until, usd, selector, capPolicyId, capIndex } = request;
  const receipt = await write(request, (facts) => {
    const fromMs = facts.timestampMs;
    const untilMs = 'atMs' in until ? until.atMs : fromMs + until.forMs;
    return grantRow(facts, { usd, selector, capPolicyId, capIndex, fromMs, untilMs }, request);
  });
  if (!receipt) throw new TypeError('a grant always has a row');
  return receipt;
}

/** One row, or none, under the lock: what is in force is what the rows before it say. */
async function write(
  { home, scope, nowMs }: ControlRequest,
  draw: (facts: ControlFacts, controls: Controls) => JsonObject | undefined,
): Promise<Receipt | undefined> {
  const store = await openLedger({ home, scope, durability: 'disk' });
  const controls = createControls();
  store.attach(controls);
  try {
    const { receipts, durable } = await store.transact((view: LedgerView) => {
      // Rows never go back in time.
      const timestampMs = Math.max(nowMs, view.lastTimestampMs);
      const row = draw({ id: randomUUID(), timestampMs, tenantId: scope }, controls);
      return { result: undefined, drafts: row ? [{ decision: row }] : [] };
    });
    await durable();
    return receipts[0];
  } finally {
    store.detach(controls);
    await store.close();
  }
}
