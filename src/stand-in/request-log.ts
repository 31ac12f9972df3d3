/** Every request the stand-in received, so that a test can see what arrived and what never did. */

/** Requests kept; older ones are dropped, `count` goes on. */
const MAX_REQUESTS = 10_000;

export interface RecordedRequest {
  readonly method: string;
  /** Path and query as received. */
  readonly path: string;
  /** As received, lower-case names, repeated ones joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON; `undefined` when there was none or it did not parse. */
  readonly body: unknown;
  readonly sizeBytes: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** A bounded list, oldest first. */
export interface RequestLog {
  readonly list: readonly RecordedRequest[];
  add(request: RecordedRequest): void;
}

export function createRequestLog(limit: number = MAX_REQUESTS): RequestLog {
  const list: RecordedRequest[] = [];
  return {
    list,
    add(request) {
      list.push(request);
      if (list.length > limit) list.shift();
    },
  };
}
