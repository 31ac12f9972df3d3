/**
 * One call of the real client over HTTP: straight to the stand-in, guarded in the same process, and through a gateway as
 * a hop. GATEWAY names the start script of an installed `@portkey-ai/gateway`; without it that row is left out.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';
import { withSpendGuard } from '../dist/guard/index.js';
import { startStandIn } from '../dist/stand-in/index.js';
import { BENCH_DIR, POLICY } from './guards.js';
import { percentile, takeTurns } from './measure.js';

const PORT = 8_907;
const ASK = {
  model: 'anthropic/claude-haiku-4.5',
  messages: [{ role: 'user', content: 'Say hello.' }],
  max_tokens: 20,
};

export async function benchGateway() {
  const home = await mkdtemp(join(BENCH_DIR, 'agentguard-bench-'));
  const standIn = await startStandIn();
  const gateway = await startGateway(process.env.GATEWAY);
  const settings = { apiKey: 'sk-test', maxRetries: 0 };
  const client = new OpenAI({ ...settings, baseURL: standIn.url });
  const guards = ['process', 'disk'].map((durability) =>
    withSpendGuard(client, {
      policy: POLICY,
      scope: POLICY.scope,
      config: { home: join(home, durability), durability, provider: 'openrouter' },
    }),
  );
  const clients = { direct: client, process: guards[0], disk: guards[1] };
  if (gateway) clients.gateway = connect(settings, standIn.url);
  try {
    const ask = (by) => ({ run: () => by.chat.completions.create(ASK) });
    const tasks = Object.fromEntries(Object.entries(clients).map(([name, by]) => [name, ask(by)]));
    const samples = await takeTurns(tasks, { rounds: 400, warmUp: 50 });
    return listRows(samples);
  } finally {
    for (const guarded of guards) await guarded.$guard.close();
    gateway?.kill();
    await standIn.close();
    await rm(home, { recursive: true, force: true });
  }
}

function connect(settings, upstream) {
  const defaultHeaders = { 'x-portkey-provider': 'openai', 'x-portkey-custom-host': upstream };
  return new OpenAI({ ...settings, baseURL: `http://localhost:${PORT}/v1`, defaultHeaders });
}

async function startGateway(script) {
  if (!script) return undefined;
  const child = spawn(process.execPath, [script, `--port=${PORT}`, '--headless'], { stdio: 'ignore' });
  for (let tries = 0; tries < 100; tries++) {
    const answers = await fetch(`http://localhost:${PORT}/`).catch(() => undefined);
    if (answers) return child;
    await sleep(100);
  }
  child.kill();
  throw new Error(`no gateway answers on port ${PORT}: is GATEWAY its start script?`);
}

function listRows(samples) {
  const direct = percentile(samples.direct, 0.5);
  const names = {
    process: "guarded, 'process'",
    disk: "guarded, 'disk'",
    gateway: 'through @portkey-ai/gateway as a hop',
  };
  return Object.entries(names)
    .filter(([name]) => samples[name])
    .flatMap(([name, what]) =>
      [0.5, 0.99].map((share) => {
        const us = percentile(samples[name], share);
        const unitUs = share === 0.5 ? direct : percentile(samples.direct, share);
        return {
          work: `a call over HTTP, ${what}, p${share * 100}`,
          us,
          against: `the same call unguarded, p${share * 100}`,
          unitUs,
          ratio: `${Math.round(us - unitUs)} µs more`,
          aim: 'none: to compare',
        };
      }),
    );
}
