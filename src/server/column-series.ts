/** Spend over time of the selected calls: what `createSeries` gives for the same calls (core/series.ts). */
import type { SeriesAnswer } from '../core/dashboard.js';
import type { ValueField } from '../core/grouping.js';
import type { Usd } from '../core/money.js';
import { describeSeries, findStep, type Steps } from '../core/series.js';
import { createExactSums } from './exact-sums.js';
import { readField } from './field-codes.js';
import { createPacer } from './pacer.js';
import type { Dictionaries } from './row-chunk.js';
import type { SelectedSpan, Selection } from './selection.js';

export async function chartSpend(
  selection: Selection,
  dictionaries: Dictionaries,
  by: ValueField,
  steps: Steps,
): Promise<SeriesAnswer> {
  const pace = createPacer();
  const chart = createChart(dictionaries, by, steps);
  for (const span of selection.spans()) {
    chart.add(span);
    await pace();
  }
  return describeSeries(by, steps, chart);
}

function createChart(dictionaries: Dictionaries, by: ValueField, { startsMs, endMs }: Steps) {
  const field = readField(by, dictionaries);
  const amounts = createExactSums();
  const groups = new Map<number, number>();
  const calls = startsMs.map(() => 0);
  const blocked = startsMs.map(() => 0);
  const [control, block, settled] = [
    dictionaries.action.encode('control'),
    dictionaries.action.encode('block'),
    dictionaries.state.encode('settled'),
  ];
  function addRow(chunk: SelectedSpan['chunk'], at: number): void {
    const action = chunk.codes.action[at];
    const step = action === control ? -1 : findStep(startsMs, endMs, chunk.times[at] ?? Number.NaN);
    if (step < 0) return;
    calls[step]! += 1;
    if (action === block) blocked[step]! += 1;
    if (chunk.codes.state[at] !== settled) return;
    const code = field.codeOf(chunk, at);
    const group = groups.get(code) ?? groups.size;
    groups.set(code, group);
    amounts.addCost(group * startsMs.length + step, chunk, at);
  }
  return {
    calls,
    blocked,
    add({ chunk, from, to, flags }: SelectedSpan): void {
      for (let at = from; at < to; at++) if (flags[at] === 1) addRow(chunk, at);
    },
    /** By value: codes of one value may be two, and groups without any cost are none. */
    get sums(): ReadonlyMap<string, readonly Usd[]> {
      const sums = new Map<string, readonly Usd[]>();
      for (const [code, group] of groups) {
        const mine = startsMs.map((_, step) => amounts.read(group * startsMs.length + step));
        const known = sums.get(field.textOf(code));
        const joined = known ? mine.map((usd, step) => usd + (known[step] ?? 0n)) : mine;
        if (joined.some((usd) => usd !== 0n)) sums.set(field.textOf(code), joined);
      }
      return sums;
    },
  };
}
