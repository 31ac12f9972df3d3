/** What the browser loads of the dashboard's built page, compressed; the charts and the verifying thread come later. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const WEB = fileURLToPath(new URL('../dist/web', import.meta.url));
const MAX_KB = 60;

export function benchPageWeight() {
  const html = readFileSync(join(WEB, 'index.html'));
  const names = readdirSync(join(WEB, 'assets'));
  const atOnce = names.filter((name) => html.includes(name) && !name.endsWith('.svg'));
  const first = sizeOf(atOnce) + gzipSync(html).length;
  return [
    {
      work: 'dashboard: page, compressed, before charts',
      ratio: `${(first / 1000).toFixed(1)} kB`,
      aim: `≤ ${MAX_KB} kB`,
      met: first <= MAX_KB * 1000,
    },
    {
      work: 'dashboard: charts and verifying thread, when they are needed',
      ratio: `${(sizeOf(names.filter((name) => name.endsWith('.js') && !atOnce.includes(name))) / 1000).toFixed(1)} kB`,
      aim: 'reported',
    },
  ];
}

function sizeOf(names) {
  return names.reduce((sum, name) => sum + gzipSync(readFileSync(join(WEB, 'assets', name))).length, 0);
}
