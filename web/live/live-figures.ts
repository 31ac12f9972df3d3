/** What the live screen says about the filtered calls as a whole; read again, at most once a second, as rows arrive. */
import type { FacetsAnswer, SeriesAnswer, SummaryAnswer } from '../../src/core/dashboard.js';
import { epoch, pulse, status } from '../state/feed.js';
import { useResource } from '../state/resource.js';
import type { DataSource } from '../state/source.js';

const DAY_MS = 86_400_000;
const STEP_MS = 1_800_000;

export interface LiveFigures {
  readonly facets: FacetsAnswer | undefined;
  /** Values of all calls: what can be filtered by is suggested from everything, not from what is left of it. */
  readonly known: FacetsAnswer | undefined;
  readonly sums: SummaryAnswer | undefined;
  /** The last 24 hours. */
  readonly series: SeriesAnswer | undefined;
}

export function useLiveFigures(source: DataSource, q: string): LiveFigures {
  const on = [q, pulse.value, epoch.value];
  return {
    known: useResource((signal) => source.facets('', signal), [epoch.value]).value,
    facets: useResource((signal) => source.facets(q, signal), on).value,
    sums: useResource((signal) => source.summary(q, [], 0, signal), on).value,
    series: useResource((signal) => readLastDay(source, q, signal), on).value,
  };
}

function readLastDay(source: DataSource, q: string, signal: AbortSignal): Promise<SeriesAnswer> {
  const nowMs = source.live ? Date.now() : (status.value?.nowMs ?? 0);
  const untilMs = Math.ceil(nowMs / STEP_MS) * STEP_MS;
  const span = { sinceMs: untilMs - DAY_MS, untilMs };
  return source.series({ q, by: 'model', stepMs: STEP_MS, ...span }, signal);
}
