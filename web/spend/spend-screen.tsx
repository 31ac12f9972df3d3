/** Where the money goes: caps, spend over time, top lists, what was refused, and how good the predictions were. */
import type { JSX } from 'preact';
import { addTerm } from '../../src/core/query-printer.js';
import { ExportMenu } from '../frame/export-menu.js';
import { Problem } from '../frame/problem.js';
import { epoch, pulse, status } from '../state/feed.js';
import { useResource } from '../state/resource.js';
import type { DataSource } from '../state/source.js';
import { GROUPINGS, go, RANGES, type Range, view } from '../state/view.js';
import { showText } from '../text.js';
import { Chart } from './chart.js';
import { Gauges } from './gauges.js';
import { Prediction } from './prediction.js';
import { Switch } from './switch.js';
import { TopList } from './top-list.js';

const MINUTE_MS = 60_000;
/** Span of a chart and the width of its bars. */
const SPANS: Readonly<Record<Range, { readonly spanMs: number; readonly stepMs: number }>> = {
  '1h': { spanMs: 60 * MINUTE_MS, stepMs: MINUTE_MS },
  '6h': { spanMs: 360 * MINUTE_MS, stepMs: 10 * MINUTE_MS },
  '24h': { spanMs: 1440 * MINUTE_MS, stepMs: 30 * MINUTE_MS },
  '7d': { spanMs: 7 * 1440 * MINUTE_MS, stepMs: 180 * MINUTE_MS },
  '30d': { spanMs: 30 * 1440 * MINUTE_MS, stepMs: 1440 * MINUTE_MS },
};
const TOP = 8;

export function SpendScreen({ source }: { readonly source: DataSource }): JSX.Element {
  const { q, by, range } = view.value;
  const { spanMs, stepMs } = SPANS[range];
  const nowMs = source.live ? Date.now() : (status.value?.nowMs ?? 0);
  const untilMs = Math.ceil(nowMs / stepMs) * stepMs;
  const sinceMs = untilMs - spanMs;
  // The chart's own beginning, so that lists and chart add up to the same.
  const inRange = addTerm(q, `since:${new Date(sinceMs).toISOString()}`);
  const on = [q, by, range, pulse.value, epoch.value];
  const caps = useResource(() => source.caps(), [pulse.value, epoch.value]);
  const series = useResource((signal) => source.series({ q, by, stepMs, sinceMs, untilMs }, signal), on);
  const groups = useResource((signal) => source.summary(inRange, [by], TOP, signal), on);
  const users = useResource((signal) => source.summary(inRange, ['user'], TOP, signal), on);
  const refused = useResource(
    (signal) => source.summary(addTerm(inRange, 'action:block'), ['code'], TOP, signal),
    on,
  );
  const problem = caps.error ?? series.error ?? groups.error;
  return (
    <div class="screen spend">
      {problem && <Problem error={problem} />}
      {caps.value && <Gauges caps={caps.value} />}
      <section class="section" aria-labelledby="spend-title">
        <header class="section-head">
          <h2 id="spend-title">Spend over time</h2>
          {q && (
            <span class="chip">
              <code>{showText(q, 80)}</code>
              <button type="button" class="link" onClick={() => go({ q: '' })}>
                clear
              </button>
            </span>
          )}
          <Switch
            label="Stacked by"
            values={GROUPINGS}
            value={by}
            onPick={(next) => go({ by: next }, 'replace')}
          />
          <Switch
            label="Span"
            values={RANGES}
            value={range}
            onPick={(next) => go({ range: next }, 'replace')}
          />
          <ExportMenu source={source} q={inRange} />
        </header>
        {series.value ? (
          <Chart series={series.value} title={`Spend by ${by}, last ${range}`} />
        ) : (
          <p class="dim">Reading…</p>
        )}
      </section>
      <div class="cards">
        {groups.value && <Prediction sums={groups.value} />}
        {groups.value && (
          <TopList title={`Dearest by ${by}`} field={by} summary={groups.value} of="settledUsd" />
        )}
        {by !== 'user' && users.value && (
          <TopList title="Dearest by user" field="user" summary={users.value} of="settledUsd" />
        )}
        {refused.value && (
          <TopList title="Blocked, at most" field="code" summary={refused.value} of="blockedUsd" />
        )}
      </div>
    </div>
  );
}
