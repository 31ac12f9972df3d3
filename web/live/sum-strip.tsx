/** Counts and sums of the filtered calls, with how they went over time. */
import type { JSX } from 'preact';
import type { SeriesAnswer, SummaryAnswer } from '../../src/core/dashboard.js';
import { showAmount, showExact, toPixelValue } from '../amount.js';
import { Sparkline } from '../sparkline.js';
import { showCount } from '../text.js';

export interface SumStripProps {
  readonly sums: SummaryAnswer | undefined;
  readonly series: SeriesAnswer | undefined;
}

export function SumStrip({ sums, series }: SumStripProps): JSX.Element {
  const spend = series ? addGroups(series) : [];
  return (
    <dl class="strip">
      <Figure title="Calls" value={sums && showCount(sums.calls)} line={series?.calls} note="last 24 h" />
      <Figure
        title="Settled"
        value={sums && showAmount(sums.settledUsd)}
        exact={sums && showExact(sums.settledUsd)}
        line={spend}
        note="last 24 h"
      />
      <Figure
        title="Held"
        value={sums && showAmount(sums.heldUsd)}
        exact={sums && showExact(sums.heldUsd)}
        note="not settled"
      />
      <Figure
        title="Blocked"
        tone="block"
        value={sums && showCount(sums.blocked)}
        line={series?.blocked}
        note={sums ? `≤ ${showAmount(sums.blockedUsd)} not spent` : ''}
      />
      <Figure
        title="Downgraded"
        tone="downgrade"
        value={sums && showCount(sums.downgraded)}
        note="to a cheaper model"
      />
    </dl>
  );
}

interface FigureProps {
  readonly title: string;
  readonly value: string | undefined;
  readonly exact?: string | undefined;
  readonly line?: readonly number[] | undefined;
  readonly note?: string;
  readonly tone?: 'block' | 'downgrade';
}

function Figure({ title, value, exact, line, note, tone }: FigureProps): JSX.Element {
  return (
    <div class={`figure${tone ? ` figure-${tone}` : ''}`}>
      <dt>{title}</dt>
      <dd class="figure-value num" title={exact}>
        {value ?? '…'}
      </dd>
      <dd class="figure-note">
        {line && <Sparkline values={line} />}
        {note}
      </dd>
    </div>
  );
}

/** Spend per step over all groups. For drawing only. */
function addGroups(series: SeriesAnswer): readonly number[] {
  return series.startsMs.map((_, at) =>
    series.settledUsd.reduce((sum, values) => sum + toPixelValue(values[at] ?? '0'), 0),
  );
}
