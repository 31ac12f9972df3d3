/** Spend over time, stacked, on a canvas. Loaded with the first chart only: uPlot is as heavy as the rest of the page. */
import uPlot from 'uplot';
import type { SeriesAnswer } from '../../src/core/dashboard.js';
import { toPixelValue } from '../amount.js';

export interface StackedChart {
  show(series: SeriesAnswer): void;
  resize(width: number): void;
  destroy(): void;
}

const HEIGHT = 240;

/** @param names how each group is called in the legend, in the order of the groups */
export function drawStackedChart(
  root: HTMLElement,
  series: SeriesAnswer,
  names: readonly string[],
): StackedChart {
  const style = getComputedStyle(root);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color('--muted'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { stroke: color('--line') },
  };
  const bars = uPlot.paths.bars?.({ size: [0.8, 48], align: 1 });
  // Drawn from the highest sum down: each bar covers the lower part of the one before.
  const drawn = names.map((label, at) => ({ label, color: color(`--series-${at % 8}`) })).reverse();
  const chart = new uPlot(
    {
      width: root.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { points: { show: false }, drag: { x: false, y: false } },
      scales: { x: { time: true }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] } },
      axes: [
        {
          ...axis,
          font: '11px system-ui',
          values: (_, splits, __, ___, stepS) => splits.map((at) => printTick(at, stepS)),
        },
        {
          ...axis,
          font: '11px system-ui',
          size: 66,
          values: (_, splits) => splits.map((value) => `$${trim(value)}`),
        },
      ],
      series: [
        {},
        ...drawn.map(({ label, color }) => ({
          label,
          fill: color,
          stroke: color,
          width: 0,
          points: { show: false },
          ...(bars ? { paths: bars } : {}),
        })),
      ],
    },
    stack(series),
    root,
  );
  return {
    show: (next) => chart.setData(stack(next)),
    resize: (width) => chart.setSize({ width, height: HEIGHT }),
    destroy: () => chart.destroy(),
  };
}

/** Running sums over the groups, the whole first. */
function stack({ startsMs, settledUsd }: SeriesAnswer): uPlot.AlignedData {
  const sums: number[][] = [];
  const running = new Array<number>(startsMs.length).fill(0);
  for (const values of settledUsd) {
    values.forEach((value, at) => {
      running[at] = (running[at] ?? 0) + toPixelValue(value);
    });
    sums.push([...running]);
  }
  return [startsMs.map((ms) => ms / 1000), ...sums.reverse()];
}

/** The hour, or the day where one begins. */
function printTick(seconds: number, stepSeconds: number): string {
  const date = new Date(seconds * 1000);
  const minutes = date.getHours() * 60 + date.getMinutes();
  if (stepSeconds >= 86_400 || minutes === 0)
    return date.toLocaleDateString('en-US', { month: 'short', day: 'numeric' });
  return `${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`;
}

function trim(value: number): string {
  return value >= 1000 ? value.toLocaleString('en-US') : value.toFixed(value < 0.01 && value > 0 ? 4 : 2);
}
