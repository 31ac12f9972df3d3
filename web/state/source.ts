/**
 * Where the page's data comes from: the one seam between screens and the outside. The same screens read from the
 * server, or from a file that holds everything.
 */
import type {
  CapsAnswer,
  DashboardEvent,
  FacetsAnswer,
  LedgersAnswer,
  ModelsAnswer,
  PlaceAnswer,
  PoliciesAnswer,
  ReceiptAnswer,
  RowsAnswer,
  SeriesAnswer,
  StatusAnswer,
  SummaryAnswer,
} from '../../src/core/dashboard.js';

export const EXPORT_FORMATS = ['csv', 'json', 'ndjson'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface RowsRequest {
  readonly q: string;
  readonly asOf?: number | undefined;
  readonly offset: number;
  readonly limit: number;
}

export interface SeriesRequest {
  readonly q: string;
  readonly by: string;
  readonly stepMs: number;
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** Raw lines of a ledger, each with its line feed, as they lie in the file. `nextRow` is `null` at the end. */
export interface LinesPart {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly nextRow: number | null;
}

/** What a source tells unasked; `up` and `down` are about the connection itself. */
export type SourceEvent = DashboardEvent | { readonly kind: 'up' } | { readonly kind: 'down' };

/** Every method rejects with a `SourceError`. */
export interface DataSource {
  /** Whether rows can still arrive. */
  readonly live: boolean;
  status(): Promise<StatusAnswer>;
  rows(request: RowsRequest, signal?: AbortSignal): Promise<RowsAnswer>;
  place(q: string, asOf: number, ref: string): Promise<PlaceAnswer>;
  /** Names the call at a row of a ledger, counted from 0, or the last one before it. */
  callAt(scope: string, row: number): Promise<PlaceAnswer>;
  facets(q: string, signal?: AbortSignal): Promise<FacetsAnswer>;
  summary(q: string, by: readonly string[], limit: number, signal?: AbortSignal): Promise<SummaryAnswer>;
  series(request: SeriesRequest, signal?: AbortSignal): Promise<SeriesAnswer>;
  caps(): Promise<CapsAnswer>;
  receipt(ref: string): Promise<ReceiptAnswer>;
  ledgers(): Promise<LedgersAnswer>;
  lines(scope: string, fromRow: number, limit: number, signal?: AbortSignal): Promise<LinesPart>;
  policies(): Promise<PoliciesAnswer>;
  models(): Promise<ModelsAnswer>;
  /** Address of a download of exactly what the filter selects. */
  exportUrl(q: string, format: ExportFormat): string;
  /** Calls back until the returned function is called. */
  subscribe(listener: (event: SourceEvent) => void): () => void;
}

/** The source did not answer, or with an error. `status` is that of HTTP, 0 when nobody answered. */
export class SourceError extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;
  constructor(status: number, code: string, message: string, hint?: string) {
    super(message);
    this.name = 'SourceError';
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}
