/** The stand-in's own books: what upstream really charges, whether or not the client ever heard of it. */
import { createHash } from 'node:crypto';
import type { Usd } from '../core/money.js';
import type { Endpoint } from './catalogue.js';
import { priceTokens, reportCost } from './usage.js';

/** Entries kept one by one. `total()` counts older ones too. */
const MAX_ENTRIES = 100_000;

export interface BillEntry {
  /** Generation id, as in the answer's `id` and `X-Generation-Id`. */
  readonly id: string;
  readonly path: string;
  /** Digest of the key that pays (`digestKey`). */
  readonly payer: string;
  /** Model as served: canonical slug and variant. */
  readonly model: string;
  readonly provider: string;
  readonly streamed: boolean;
  readonly promptTokens: number;
  /** Generated so far, when the answer was cut off. */
  readonly completionTokens: number;
  /** Exactly the decimal that was, or would have been, reported. */
  readonly costUsd: Usd;
  /** Usage with this cost was written to the socket. A client that hung up may not have read it. */
  readonly reported: boolean;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** One call while it runs: its entry grows with the tokens. */
export interface Meter {
  readonly entry: BillEntry;
  /** Adds generated tokens and charges for them. */
  generate(tokens: number): void;
  /** Replaces the cost by a scripted one; later tokens are free. */
  charge(cost: Usd): void;
  /** Notes that the cost reached the wire. */
  markReported(): void;
}

export interface Bill {
  /** Newest last; the last 100,000. */
  readonly entries: readonly BillEntry[];
  /** Everything charged since the start, exactly. */
  total(): Usd;
  find(id: string): BillEntry | undefined;
}

export interface OpenCall {
  readonly id: string;
  readonly path: string;
  readonly payer: string;
  readonly model: string;
  readonly endpoint: Endpoint;
  readonly streamed: boolean;
  readonly promptTokens: number;
  readonly at: number;
}

/** Tells keys apart without keeping them; `header` is an `Authorization` header. */
export function digestKey(header: string | undefined): string {
  return createHash('sha256')
    .update(header ?? '')
    .digest('hex')
    .slice(0, 16);
}

/** Makes empty books. `open` starts a call and charges its input at once. */
export function createBill(): Bill & { open(call: OpenCall): Meter } {
  const meters = new Map<string, Meter>();
  let sum: Usd = 0n;
  return {
    get entries() {
      return [...meters.values()].map((meter) => meter.entry);
    },
    total: () => sum,
    find: (id) => meters.get(id)?.entry,
    open(call) {
      const meter = createMeter(call, (difference) => {
        sum += difference;
      });
      meters.set(call.id, meter);
      const oldest = meters.keys().next();
      if (meters.size > MAX_ENTRIES && !oldest.done) meters.delete(oldest.value);
      return meter;
    },
  };
}

function createMeter(call: OpenCall, add: (difference: Usd) => void): Meter {
  const { endpoint, ...rest } = call;
  let entry: BillEntry = {
    ...rest,
    provider: endpoint.provider,
    completionTokens: 0,
    costUsd: 0n,
    reported: false,
  };
  let scripted: Usd | undefined;
  const update = (change: Partial<BillEntry>) => {
    const next = { ...entry, ...change };
    const exact = priceTokens(endpoint, { prompt: next.promptTokens, completion: next.completionTokens });
    const costUsd = scripted ?? reportCost(exact).usd;
    add(costUsd - entry.costUsd);
    entry = { ...next, costUsd };
  };
  update({});
  return {
    get entry() {
      return entry;
    },
    generate: (tokens) => update({ completionTokens: entry.completionTokens + tokens }),
    charge(cost) {
      scripted = cost;
      update({});
    },
    markReported: () => update({ reported: true }),
  };
}
