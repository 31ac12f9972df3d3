/** What a shared ledger must do, in a few lines of plain state: each row is judged by the rows before it. */
import { parseUsd, type Usd } from '../../src/core/money.js';
import type { Receipt } from '../../src/core/receipt.js';

export interface ModelCap {
  readonly userId?: string;
  readonly lengthMs: number;
  readonly limit: Usd;
}

interface ModelCall {
  readonly atMs: number;
  readonly userId: unknown;
  usd: Usd;
  isOpen: boolean;
}

/** Takes rows in ledger order. `caps` are those of each policy, by its id. */
export class LedgerModel {
  readonly calls = new Map<string, ModelCall>();
  readonly #caps: Readonly<Record<string, readonly ModelCap[]>>;
  #newestMs = Number.NEGATIVE_INFINITY;

  constructor(caps: Readonly<Record<string, readonly ModelCap[]>>) {
    this.#caps = caps;
  }

  /** Adds a row. @throws Error when the policy should have answered otherwise */
  take({ decision: row }: Receipt): void {
    const atMs = Date.parse(String(row.timestamp));
    if (atMs < this.#newestMs) throw new Error(`goes back in time: ${JSON.stringify(row)}`);
    this.#newestMs = atMs;
    if (row.entryType === 'settlement') {
      const call = this.calls.get(String(row.originalDecisionId));
      if (!call?.isOpen) throw new Error(`settled twice, or never decided: ${row.originalDecisionId}`);
      call.usd = parseUsd(String(row.actualUsd)) as Usd;
      call.isOpen = row.costSource === 'reserved';
    } else if (row.entryType === undefined) {
      const usd = parseUsd(String(row.reservedUsd)) as Usd;
      const { userId } = row.actor as { userId: unknown };
      const call = { atMs, userId, usd, isOpen: true };
      const policies = (row.policies ?? [{ id: row.policyId }]) as readonly { readonly id: string }[];
      const fits = policies.flatMap(({ id }) => this.#caps[id] ?? []).every((cap) => this.#fits(cap, call));
      if (fits !== (row.action === 'allow'))
        throw new Error(
          `${row.action}, but the call ${fits ? 'fits' : 'does not fit'}: ${JSON.stringify(row)}`,
        );
      if (fits) this.calls.set(String(row.decisionId), call);
    }
  }

  #fits(cap: ModelCap, call: ModelCall): boolean {
    if (cap.userId !== undefined && cap.userId !== call.userId) return true;
    const window = (atMs: number) => Math.floor(atMs / cap.lengthMs);
    let sum = call.usd;
    for (const other of this.calls.values())
      if (window(other.atMs) === window(call.atMs) && (!cap.userId || cap.userId === other.userId))
        sum += other.usd;
    return sum <= cap.limit;
  }
}
