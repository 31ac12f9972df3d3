/** What was predicted, bounded and billed for the settled calls. */
import type { JSX } from 'preact';
import type { Totals } from '../../src/core/dashboard.js';
import { shareOf, showAmount, showExact, subtract } from '../amount.js';
import { showCount } from '../text.js';

export function Prediction({ sums }: { readonly sums: Totals }): JSX.Element {
  const rows: readonly (readonly [string, string, string])[] = [
    ['Predicted', sums.expectedUsd, 'what settled calls were expected to cost'],
    ['Settled', sums.settledUsd, 'what they cost by the receipts'],
    ['Billed upstream', sums.billedUsd, 'the part of it that upstream itself named'],
  ];
  const most = rows.map(([, usd]) => usd).reduce((a, b) => (shareOf(a, b) >= 1 ? a : b), '0');
  const ratio = shareOf(sums.settledUsd, sums.expectedUsd);
  return (
    <section class="card prediction">
      <h3>Predicted against billed</h3>
      <dl>
        {rows.map(([title, usd, says]) => (
          <div key={title} title={`${showExact(usd)}: ${says}`}>
            <dt>{title}</dt>
            <dd class="num">{showAmount(usd)}</dd>
            <dd class="bar" aria-hidden="true">
              <i style={{ width: `${100 * Math.min(1, shareOf(usd, most))}%` }} />
            </dd>
          </div>
        ))}
      </dl>
      <p class="dim">
        {ratio > 0
          ? `Settled at ${Math.round(100 * ratio)} % of the prediction, a difference of ${showAmount(subtract(sums.settledUsd, sums.expectedUsd))}.`
          : 'Nothing was settled yet.'}
        {sums.unpriced > 0 && ` ${showCount(sums.unpriced)} calls have no known cost.`}
      </p>
    </section>
  );
}
