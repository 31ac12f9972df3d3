/** One line for each cap that the ledger was held to: the limit, and the most that was ever spent in one window. */
import type { JSX } from 'preact';
import { judgeCap } from '../../src/core/cap-verdict.js';
import type { CapReport, Verdicts } from '../../src/core/report.js';
import { showExact } from '../amount.js';
import { showText } from '../text.js';

const MAX_SHOWN = 50;

export function CapList({
  caps,
  verdicts,
}: {
  readonly caps: readonly CapReport[];
  /** Of the file. */
  readonly verdicts: Verdicts;
}): JSX.Element | null {
  if (caps.length === 0) return null;
  return (
    <div class="proof-caps">
      <h3>Limits, and the most that was ever spent</h3>
      <ul>
        {caps.slice(0, MAX_SHOWN).map((cap) => (
          <li key={`${cap.policyHash} ${cap.cap}`} class={cap.exceeded ? 'is-no' : ''}>
            <span class="num">{describe(cap)}</span>
            <b>{judge(cap, verdicts)}</b> <span class="dim">({showText(cap.scopeKey, 120)})</span>
          </li>
        ))}
      </ul>
      {caps.length > MAX_SHOWN && <p class="dim">and {caps.length - MAX_SHOWN} more</p>}
    </div>
  );
}

function describe({ limitUsd, highestUsd, limit, highest, unit, window, action, mode }: CapReport): string {
  const soft = mode === 'shadow' ? 'shadow ' : action === 'block' ? '' : `${action} `;
  const span = window === 'total' ? ' in total' : `/${window.replace(/^per_/, '')}`;
  const [most, spent] =
    limitUsd === undefined
      ? [`${limit} ${unit}`, highest ?? '']
      : [showExact(limitUsd), showExact(highestUsd ?? '')];
  return showText(`${soft}cap ${most}${span}: highest ${spent}`);
}

function judge(cap: CapReport, verdicts: Verdicts): string {
  const words = judgeCap(cap, verdicts);
  return words === '' ? '' : `, ${words}`;
}
