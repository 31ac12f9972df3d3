/** A call on its way through the guard: as it is asked, and once it may be sent. */
import type { Call, Decision } from '../core/decide.js';
import type { CallFacts } from '../core/decision.js';
import type { Receipt } from '../core/receipt.js';
import type { Settlement } from '../core/settlement.js';
import type { PriceBook } from './price-book.js';
import type { Quoter } from './request-quote.js';

/** One call to decide. */
export interface CallRequest {
  readonly model: string;
  readonly provider: string;
  readonly path: string;
  /** What the call would cost on a model, at a moment. */
  readonly quote: Quoter;
  /** The prices behind `quote`. */
  readonly prices: PriceBook;
  /** What the call does, for rules. */
  readonly action: Call['action'];
  /** The models that may answer besides this one when it is sent. */
  readonly listFallbacks: Call['listFallbacks'];
  readonly signal?: AbortSignal | undefined;
  /** The providers that the request names to be routed to. Default: none. */
  readonly routes?: readonly string[] | undefined;
  /** The attempt before this one, when a client repeats a call. */
  readonly retryOf?: AllowedCall | undefined;
}

/** A decided call that may be sent, once: its receipt is on disk and its bound is held. */
export interface AllowedCall {
  readonly decision: Decision;
  readonly facts: CallFacts;
  readonly receipt: Receipt;
}

/** What stays spent when nobody knows the cost: the bound. */
export function unknownCost(call: AllowedCall, outcome: Settlement['outcome']): Settlement {
  const { quote } = call.decision;
  const actualUsd = quote.kind === 'bounded' ? quote.reservedUsd : null;
  return { costSource: 'reserved', actualUsd, partial: true, outcome };
}
