/**
 * What the dashboard's server answers, as types: one place for the server that sends and the page that reads
 * (docs/dashboard.md). Everything is GET and JSON below `/api`; amounts are exact decimals of US dollars as text.
 *
 * | path | parameters | answer |
 * |---|---|---|
 * | `/api/status` | | `StatusAnswer` |
 * | `/api/rows` | `q`, `asOf`, `offset`, `limit` ≤ 500 | `RowsAnswer`, newest first |
 * | `/api/place` | `q`, `asOf`, `ref`, or `row` with `scope` | `PlaceAnswer`: where a row stands in the filtered list |
 * | `/api/facets` | `q`, `asOf` | `FacetsAnswer` |
 * | `/api/summary` | `q`, `by`, `limit` | `SummaryAnswer` |
 * | `/api/series` | `q`, `by`, `stepMs`, `sinceMs`, `untilMs` | `SeriesAnswer` |
 * | `/api/caps` | | `CapsAnswer` |
 * | `/api/receipt` | `ref` | `ReceiptAnswer` |
 * | `/api/ledgers` | | `LedgersAnswer` |
 * | `/api/lines` | `scope`, `fromRow`, `limit` | the raw lines as `application/x-ndjson`; header `X-Next-Row` while there is more |
 * | `/api/policies` | | `PoliciesAnswer` |
 * | `/api/models` | | `ModelsAnswer` |
 * | `/api/export` | `q`, `asOf`, `format` = `csv` `json` `ndjson` | a download of exactly what the filter selects |
 * | `/api/events` | | an event stream of `DashboardEvent`, the event's name being its `kind` |
 *
 * A filter that does not parse is answered 400 with `ErrorAnswer`; every other error too, with its status.
 */
import type { CallRecord } from './call-record.js';

/**
 * A `CallRecord` on the wire: amounts as text, times as milliseconds, empty texts left out. `row` is -1 while the place in a
 * ledger that other programs wrote is not counted yet.
 */
export type RowSummary = {
  /** Opaque; names the row as long as its ledger is there. */
  readonly ref: string;
} & {
  readonly [K in 'decisionId' | 'attempt' | 'scope' | 'row' | 'action' | 'state']: CallRecord[K];
} & {
  readonly [K in TextField]?: string;
} & {
  /** `null` when the row names no time. */
  readonly timestampMs: number | null;
  readonly expectedUsd: string | null;
  readonly reservedUsd: string | null;
  readonly actualUsd: string | null;
  readonly costUsd: string | null;
  readonly partial?: true;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
};

type TextField = {
  [K in keyof CallRecord]: string extends CallRecord[K] ? K : never;
}[Exclude<keyof CallRecord, 'decisionId' | 'scope'>];

export interface ErrorAnswer {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
}

export interface IndexProgress {
  /** Bytes read into the index and bytes there are, over all ledgers. Equal: complete. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface StatusAnswer {
  readonly version: string;
  /** Names this run of the server: another one means that everything must be read anew. */
  readonly instance: string;
  readonly home: string;
  /** Set when the server was limited to one scope. */
  readonly scope: string | null;
  readonly nowMs: number;
  readonly startedAtMs: number;
  readonly index: IndexProgress;
  /** The newest end of the list of calls now, to list by. A mark, not a count: it may be 0 or below. */
  readonly asOf: number;
  readonly ledgers: readonly LedgerBrief[];
}

/** `ok`, or what is wrong with the file as it lies there; nothing is verified here. */
export type LedgerCondition = 'ok' | 'empty' | 'unreadable' | 'shrunk' | 'replaced' | 'gone' | 'torn';

export interface LedgerBrief {
  readonly scope: string;
  readonly ledgerId: string | null;
  readonly rows: number;
  readonly bytes: number;
  readonly condition: LedgerCondition;
  /** One sentence when `condition` is not `ok`. */
  readonly note: string | null;
  readonly lastTimestampMs: number | null;
}

/**
 * A list is stable for one `asOf`: rows that arrived later are not in it, so offsets keep their meaning while the page
 * scrolls. While the index is being filled, older rows join at the end.
 */
export interface RowsAnswer {
  readonly asOf: number;
  readonly total: number;
  readonly offset: number;
  readonly rows: readonly RowSummary[];
}

export interface PlaceAnswer {
  /** Offset in the filtered list, newest first; `null` when the filter leaves it out. */
  readonly offset: number | null;
  readonly ref: string | null;
}

/** Values of one field within the filter, most frequent first, at most 20. */
export interface FacetValue {
  readonly value: string;
  readonly count: number;
}

export interface FacetsAnswer {
  readonly total: number;
  readonly fields: Readonly<Record<string, readonly FacetValue[]>>;
}

/** Sums over calls. What was blocked is the upper bound that was not spent. */
export interface Totals {
  readonly calls: number;
  readonly allowed: number;
  readonly downgraded: number;
  readonly shadowed: number;
  readonly blocked: number;
  /** Settled costs, exact. */
  readonly settledUsd: string;
  /** Bounds of calls that are not settled. */
  readonly heldUsd: string;
  /** What was predicted for the settled calls. */
  readonly expectedUsd: string;
  readonly blockedUsd: string;
  /** Part of `settledUsd` that upstream itself billed. */
  readonly billedUsd: string;
  /** Calls whose cost is not known. */
  readonly unpriced: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface SummaryGroup extends Totals {
  readonly key: readonly string[];
}

export interface SummaryAnswer extends Totals {
  readonly by: readonly string[];
  /** Dearest first. */
  readonly groups: readonly SummaryGroup[];
  /** Groups that `limit` left out. */
  readonly omitted: number;
}

/** Spend over time, stacked: `values[i]` are the sums of group `i` per step, in US dollars as text. */
export interface SeriesAnswer {
  readonly by: string;
  readonly stepMs: number;
  readonly startsMs: readonly number[];
  /** The dearest, the rest together as `""` last. */
  readonly groups: readonly string[];
  readonly settledUsd: readonly (readonly string[])[];
  readonly calls: readonly number[];
  readonly blocked: readonly number[];
}

/** One counter of one cap in its present window. */
export interface CapGauge {
  readonly scope: string;
  readonly policyId: string;
  readonly policyHash: string;
  readonly index: number;
  readonly task: string | null;
  readonly action: string;
  readonly window: string;
  /** `usd`, `requests`, `tokens` or `in_flight`: what the amounts are of. */
  readonly unit: string;
  /** Scope key of the counter, with the value of `per`. */
  readonly key: string;
  readonly limit: string;
  readonly settled: string;
  readonly held: string;
  readonly left: string;
  /** Amounts of active grants, contained in `limit`. */
  readonly granted: string;
  readonly windowStartMs: number | null;
  readonly resetsAtMs: number | null;
  /** At the rate of the window so far; `null` when it is not reached before the reset. */
  readonly reachedAtMs: number | null;
  /** Share used, 0 and up, for drawing: settled + held over the limit. */
  readonly share: number;
}

export interface CapsAnswer {
  readonly nowMs: number;
  readonly gauges: readonly CapGauge[];
  /** Active stops: the scope, when, why. */
  readonly stops: readonly { readonly scope: string; readonly sinceMs: number; readonly reason: string }[];
  /** A policy is shown from the first row that names it, as far as its text is kept beside the ledger. */
  readonly unknownPolicies: readonly string[];
}

/** Raw lines around a row, exactly as in the file. The page verifies them itself. */
export interface ReceiptAnswer {
  readonly ref: string;
  readonly scope: string;
  /** Place in the ledger and line in its file. */
  readonly row: number;
  readonly file: string;
  readonly line: string;
  /** The rows before and after it in the ledger, and in its signer's chain. */
  readonly before: string | null;
  readonly after: string | null;
  readonly chainBefore: string | null;
  readonly chainAfter: string | null;
  /** Every other row about the same call, in order. */
  readonly related: readonly { readonly ref: string; readonly row: number; readonly line: string }[];
}

export interface LedgerDetail extends LedgerBrief {
  readonly folder: string;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  readonly signers: readonly {
    readonly fingerprint: string;
    readonly publicKeyHex: string | null;
    readonly rows: number;
  }[];
  readonly headHash: string | null;
  readonly firstTimestampMs: number | null;
  /** Newest checkpoint beside the ledger, as its signed note; worth what the server's word is worth. */
  readonly checkpoint: string | null;
}

export interface LedgersAnswer {
  readonly ledgers: readonly LedgerDetail[];
}

export interface PoliciesAnswer {
  readonly policies: readonly {
    readonly scope: string;
    readonly policyHash: string;
    readonly policyId: string;
    readonly version: string;
    readonly firstMs: number | null;
    readonly lastMs: number | null;
    readonly decisions: number;
    /** Its text as kept by hash beside the ledger, or `null`. */
    readonly text: string | null;
  }[];
}

export interface ModelsAnswer {
  /** `null` when no table was ever synced. */
  readonly table: { readonly fetchedAtMs: number; readonly source: string; readonly hash: string } | null;
  readonly models: readonly {
    readonly id: string;
    readonly inputUsdPerMtok: string | null;
    readonly outputUsdPerMtok: string | null;
    readonly contextTokens: number | null;
  }[];
}

export type DashboardEvent =
  /** Rows that were written or changed (a settlement changes its call's row), oldest first. */
  | { readonly kind: 'rows'; readonly asOf: number; readonly rows: readonly RowSummary[] }
  | { readonly kind: 'index'; readonly index: IndexProgress; readonly asOf: number }
  | { readonly kind: 'ledger'; readonly ledger: LedgerBrief }
  /** The reader was too slow and missed events: read everything anew. */
  | { readonly kind: 'lost'; readonly asOf: number };
