/** How long a person waits for the command line, against an empty Node program. */
import { fileURLToPath } from 'node:url';
import { fillLedger, withGuard } from './guards.js';
import { percentile, timeProgram } from './measure.js';

const BIN = fileURLToPath(new URL('../bin/agentguard.js', import.meta.url));

export async function benchColdStart() {
  return withGuard('process', async (guard, ledger, home) => {
    await fillLedger(guard, 100);
    await guard.close();
    const env = { AGENTGUARD_HOME: home, NO_COLOR: '1' };
    const programs = {
      empty: ['-e', '0'],
      version: [BIN, '--version'],
      verify: [BIN, 'verify', ledger],
    };
    const samples = { empty: [], version: [], verify: [] };
    for (let round = -2; round < 15; round++)
      for (const [name, args] of Object.entries(programs)) {
        const ms = timeProgram(args, env);
        if (round >= 0) samples[name].push(ms);
      }
    const unitMs = percentile(samples.empty, 0.5);
    return [
      row('agentguard --version', percentile(samples.version, 0.5), unitMs, 2),
      row('agentguard verify, 100 rows', percentile(samples.verify, 0.5), unitMs, 3),
    ];
  });
}

function row(work, ms, unitMs, aim) {
  const ratio = ms / unitMs;
  return {
    work,
    us: ms * 1000,
    against: 'node -e 0',
    unitUs: unitMs * 1000,
    ratio: `${ratio.toFixed(2)}×`,
    aim: `≤ ${aim}×`,
    met: ratio <= aim,
  };
}
