/** Prints the table of bench/README.md for this machine. A name as argument runs only the parts that contain it. */
import { benchCheckpoints } from './checkpoints.js';
import { benchColdStart } from './cold-start.js';
import { benchDashboard } from './dashboard.js';
import { benchConcurrency, benchDecision, benchDurableDecision, benchGrowth } from './decisions.js';
import { benchGateway } from './gateway.js';
import { BENCH_DIR, setPrices } from './guards.js';
import { benchLargeLedger } from './large-ledger.js';
import { benchManyPolicies } from './many-policies.js';
import { describeMachine } from './measure.js';
import { benchPageWeight } from './page-weight.js';
import { benchStart } from './start.js';
import { benchVerification } from './verification.js';

const PARTS = {
  decision: benchDecision,
  durable: benchDurableDecision,
  concurrency: benchConcurrency,
  growth: benchGrowth,
  verification: benchVerification,
  'verification-large': benchLargeLedger,
  'cold-start': benchColdStart,
  checkpoints: benchCheckpoints,
  start: benchStart,
  dashboard: benchDashboard,
  weight: benchPageWeight,
  gateway: benchGateway,
  policies: benchManyPolicies,
};

const [wanted = ''] = process.argv.slice(2);
setPrices();
console.log(`${describeMachine(BENCH_DIR)}\n`);
console.log('| work | took | measured against | that took | ratio | aim |');
console.log('|---|---|---|---|---|---|');
for (const [name, bench] of Object.entries(PARTS)) {
  if (!name.includes(wanted)) continue;
  for (const { work, us, against = '', unitUs, ratio = '', aim, met } of await bench()) {
    const verdict = met === undefined ? aim : `${aim} ${met ? '✓' : '✗'}`;
    console.log(`| ${work} | ${print(us)} | ${against} | ${print(unitUs)} | ${ratio} | ${verdict} |`);
  }
}

function print(us) {
  if (us === undefined) return '';
  return us < 1_000 ? `${us.toPrecision(3)} µs` : `${(us / 1000).toPrecision(3)} ms`;
}
