/** One line for each cap that the ledger was held to: the limit, and the most that was ever spent in one window. */
import type { JSX } from 'preact';
import type { CapReport } from '../../src/core/report.js';
import { showExact } from '../amount.js';
import { showText } from '../text.js';

const MAX_SHOWN = 50;

export function CapList({
  caps,
  isWhole,
}: {
  readonly caps: readonly CapReport[];
  /** Every row from the first on was seen. */
  readonly isWhole: boolean;
}): JSX.Element | null {
  if (caps.length === 0) return null;
  return (
    <div class="proof-caps">
      <h3>Limits, and the most that was ever spent</h3>
      <ul>
        {caps.slice(0, MAX_SHOWN).map((cap) => (
          <li key={`${cap.policyHash} ${cap.cap}`} class={cap.exceeded ? 'is-no' : ''}>
            <span class="num">{describe(cap)}</span>
            <b>{judge(cap, isWhole)}</b> <span class="dim">({showText(cap.scopeKey, 120)})</span>
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

/** Only a hard cap that is enforced can be exceeded: the others change or record what comes after them. */
function judge({ exceeded, action, mode }: CapReport, isWhole: boolean): string {
  if (exceeded) return ', EXCEEDED';
  if (action !== 'block' || mode !== 'enforce') return '';
  return isWhole ? ', never exceeded' : ', not exceeded in the rows seen';
}
