/** The dashboard's server as a source: GET requests to its own origin, and one event stream for all tabs. */
import type { ErrorAnswer } from '../../src/core/dashboard.js';
import { shareEvents } from './event-share.js';
import { type DataSource, type LinesPart, SourceError } from './source.js';

type Parameters = Readonly<Record<string, string | number | undefined>>;

/** @param base address of the API, such as `/api` */
export function createHttpSource(base: string): DataSource {
  const get = <T>(path: string, parameters: Parameters = {}, signal?: AbortSignal): Promise<T> =>
    fetchChecked(base + path + printQuery(parameters), signal).then((answer) => answer.json() as Promise<T>);
  return {
    live: true,
    status: () => get('/status'),
    rows: (request, signal) => get('/rows', { ...request }, signal),
    place: (q, asOf, ref) => get('/place', { q, asOf, ref }),
    callAt: (scope, row) => get('/place', { scope, row }),
    facets: (q, signal) => get('/facets', { q }, signal),
    summary: (q, by, limit, signal) => get('/summary', { q, by: by.join(','), limit }, signal),
    series: (request, signal) => get('/series', { ...request }, signal),
    caps: () => get('/caps'),
    receipt: (ref) => get('/receipt', { ref }),
    ledgers: () => get('/ledgers'),
    lines: (scope, fromRow, limit, signal) =>
      fetchChecked(`${base}/lines${printQuery({ scope, fromRow, limit })}`, signal).then(readLines),
    policies: () => get('/policies'),
    models: () => get('/models'),
    exportUrl: (q, format) => `${base}/export${printQuery({ q, format })}`,
    subscribe: (listener) => shareEvents(`${base}/events`, listener),
  };
}

function printQuery(parameters: Parameters): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters))
    if (value !== undefined && value !== '') query.set(key, String(value));
  const text = query.toString();
  return text && `?${text}`;
}

async function fetchChecked(url: string, signal?: AbortSignal): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(url, { credentials: 'same-origin', ...(signal ? { signal } : {}) });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new SourceError(0, 'UNREACHABLE', 'The dashboard server does not answer.');
  }
  if (answer.ok) return answer;
  throw await readError(answer);
}

async function readError(answer: Response): Promise<SourceError> {
  try {
    const { error } = (await answer.json()) as ErrorAnswer;
    return new SourceError(answer.status, error.code, error.message, error.hint);
  } catch {
    return new SourceError(answer.status, 'HTTP', `The server answered with status ${answer.status}.`);
  }
}

async function readLines(answer: Response): Promise<LinesPart> {
  const next = answer.headers.get('X-Next-Row');
  return { bytes: new Uint8Array(await answer.arrayBuffer()), nextRow: next === null ? null : Number(next) };
}
