/** Each cap's counter as a bar: settled, held, left; when it resets; when it is full at this rate. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { CapGauge, CapsAnswer } from '../../src/core/dashboard.js';
import { shareOf, showExact, showInColumn } from '../amount.js';
import { Icon } from '../icons.js';
import { shortHex, showCount, showText } from '../text.js';
import { showDistance } from '../time.js';

const WINDOWS: Readonly<Record<string, string>> = {
  per_call: 'a call',
  per_minute: 'a minute',
  per_hour: 'an hour',
  per_day: 'a day',
  per_week: 'a week',
  per_month: 'a month',
  per_run: 'a run',
  total: 'in all',
};

/** Shown before somebody asks for all: the fullest. */
const FEW = 8;

export function Gauges({ caps }: { readonly caps: CapsAnswer }): JSX.Element {
  const all = useSignal(false);
  const gauges = [...caps.gauges].sort((a, b) => b.share - a.share);
  return (
    <section class="section" aria-labelledby="caps-title">
      <h2 id="caps-title">Caps</h2>
      {gauges.length === 0 && caps.unknownPolicies.length === 0 && (
        <p class="dim">No policy with caps has been used yet.</p>
      )}
      <ul class="gauges">
        {(all.value ? gauges : gauges.slice(0, FEW)).map((gauge) => (
          <Gauge
            key={`${gauge.scope} ${gauge.policyHash} ${gauge.index} ${gauge.key}`}
            gauge={gauge}
            nowMs={caps.nowMs}
          />
        ))}
      </ul>
      {gauges.length > FEW && (
        <button
          type="button"
          class="button small"
          aria-expanded={all.value}
          onClick={() => (all.value = !all.value)}
        >
          {all.value ? 'Only the fullest' : `All ${gauges.length}`}
        </button>
      )}
      {caps.unknownPolicies.length > 0 && (
        <p class="dim">
          Not shown: policies whose text is not kept beside the ledger,{' '}
          {caps.unknownPolicies.map(shortHex).join(', ')}.
        </p>
      )}
    </section>
  );
}

function Gauge({ gauge, nowMs }: { readonly gauge: CapGauge; readonly nowMs: number }): JSX.Element {
  const level = gauge.share >= 1 ? 'full' : gauge.share >= 0.8 ? 'near' : 'ok';
  const decimals = shareOf(gauge.limit, '1') >= 1 ? 2 : 4;
  const show = (amount: string): string => showUnit(amount, gauge.unit, decimals);
  return (
    <li class={`gauge gauge-${level}`}>
      <p class="gauge-head">
        <b class="num" title={gauge.unit === 'usd' ? showExact(gauge.limit) : undefined}>
          {show(gauge.limit)} {WINDOWS[gauge.window] ?? gauge.window}
        </b>
        {level !== 'ok' && (
          <span class="gauge-level">
            <Icon name="warn" /> {level === 'full' ? 'reached' : 'near'}
          </span>
        )}
      </p>
      <p class="gauge-key" title={showText(gauge.key)}>
        then {showText(gauge.action, 20)} · <bdi>{showText(gauge.key || 'every call', 120)}</bdi>
        {gauge.task && <> · task {showText(gauge.task, 60)}</>}
      </p>
      <GaugeBar gauge={gauge} />
      <dl class="gauge-figures">
        <Figure title="settled" value={show(gauge.settled)} kind="settled" />
        <Figure title="held" value={show(gauge.held)} kind="held" />
        <Figure title="left" value={show(gauge.left)} />
      </dl>
      <p class="gauge-times dim">
        {gauge.resetsAtMs !== null && <span>resets {showDistance(gauge.resetsAtMs, nowMs)}</span>}
        <span>
          {level === 'full'
            ? ''
            : gauge.reachedAtMs === null
              ? 'not reached at this rate'
              : `reached ${showDistance(gauge.reachedAtMs, nowMs)} at this rate`}
        </span>
        {gauge.granted !== '0' && <span>{show(gauge.granted)} of it granted</span>}
      </p>
    </li>
  );
}

function GaugeBar({ gauge }: { readonly gauge: CapGauge }): JSX.Element {
  const settled = Math.min(1, shareOf(gauge.settled, gauge.limit));
  const held = Math.min(1 - settled, shareOf(gauge.held, gauge.limit));
  const percent = Math.round(100 * gauge.share);
  return (
    <svg
      class="gauge-bar"
      viewBox="0 0 100 6"
      preserveAspectRatio="none"
      role="img"
      aria-label={`${percent} % used`}
    >
      <rect class="gauge-track" width="100" height="6" />
      <rect class="gauge-settled" width={100 * settled} height="6" />
      <rect class="gauge-held" x={100 * settled} width={100 * held} height="6" />
    </svg>
  );
}

function Figure({
  title,
  value,
  kind,
}: {
  readonly title: string;
  readonly value: string;
  readonly kind?: string;
}): JSX.Element {
  return (
    <div>
      <dt>
        {kind && <i class={`swatch swatch-${kind}`} aria-hidden="true" />}
        {title}
      </dt>
      <dd class="num">{value}</dd>
    </div>
  );
}

function showUnit(amount: string, unit: string, decimals: 2 | 4): string {
  if (unit === 'usd') return showInColumn(amount, decimals);
  return `${showCount(Number(amount))} ${unit === 'in_flight' ? 'at once' : unit}`;
}
