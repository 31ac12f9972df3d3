/** The chart's frame: loads the drawing when it is needed, says the same as a table, and follows size and theme. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { SeriesAnswer } from '../../src/core/dashboard.js';
import { addAmounts } from '../amount.js';
import { theme } from '../state/preferences.js';
import { showText } from '../text.js';
import type { StackedChart } from './stacked-chart.js';

export interface ChartProps {
  readonly series: SeriesAnswer;
  readonly title: string;
}

/** How groups are called: the rest, and calls without the label, have words of their own. */
export function nameGroup(group: string, at: number, groups: number): string {
  if (group !== '') return showText(group, 60);
  return at === groups - 1 && groups > 1 ? 'all others' : 'without';
}

export function Chart({ series, title }: ChartProps): JSX.Element {
  const root = useRef<HTMLDivElement>(null);
  const chart = useRef<StackedChart>(undefined);
  const names = series.groups.map((group, at) => nameGroup(group, at, series.groups.length));
  const shape = `${names.join('\n')}${theme.value}`;

  useEffect(() => {
    const element = root.current;
    if (!element) return;
    let gone = false;
    const observer = new ResizeObserver(() => chart.current?.resize(element.clientWidth));
    void import('./stacked-chart.js').then(({ drawStackedChart }) => {
      if (gone) return;
      chart.current = drawStackedChart(element, series, names);
      observer.observe(element);
    });
    return () => {
      gone = true;
      observer.disconnect();
      chart.current?.destroy();
      chart.current = undefined;
    };
  }, [shape]);
  useEffect(() => chart.current?.show(series), [series]);

  return (
    <figure class="chart">
      <div class="chart-root" ref={root} role="img" aria-label={title} />
      <ul class="legend">
        {names.map((name, at) => (
          <li key={name}>
            <i class={`swatch series-${at % 8}`} aria-hidden="true" />
            <bdi>{name}</bdi> <span class="num dim">{addAmounts(series.settledUsd[at] ?? [])}</span>
          </li>
        ))}
      </ul>
    </figure>
  );
}
