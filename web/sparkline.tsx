/** A line the size of a word: how a figure went, without axes. */
import type { JSX } from 'preact';

const WIDTH = 96;
const HEIGHT = 20;

export function Sparkline({ values }: { readonly values: readonly number[] }): JSX.Element | null {
  const most = Math.max(...values, 0);
  if (values.length < 2 || most === 0) return null;
  const points = values.map((value, at) => {
    const x = (at / (values.length - 1)) * WIDTH;
    const y = HEIGHT - 1.5 - (value / most) * (HEIGHT - 3);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path class="sparkline-area" d={`M0,${HEIGHT} L${points.join(' L')} L${WIDTH},${HEIGHT}z`} />
      <path class="sparkline-line" d={`M${points.join(' L')}`} />
    </svg>
  );
}
