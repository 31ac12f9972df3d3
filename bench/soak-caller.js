/** Makes guarded calls at a steady pace until it is ended: `node bench/soak-caller.js <home> <calls a second>` */
import { AgentGuardBlockedError, SpendGuard, setCostOverride } from '../dist/guard/index.js';

const MODELS = ['anthropic/claude-haiku-4.5', 'openai/gpt-5-mini', 'google/gemini-3-flash'];
const [home, callsPerSecond] = process.argv.slice(2);
for (const model of MODELS) setCostOverride(model, { inputCentsPerKtok: '0.1', outputCentsPerKtok: '0.5' });
const guard = new SpendGuard({
  policy: {
    id: 'soak',
    name: 'Soak',
    scope: { tenantId: 'acme' },
    caps: [
      { amountCents: 100_000, window: 'per_day', action: 'block' },
      { maxRequests: 600, window: 'per_minute', action: 'block' },
    ],
    mode: 'enforce',
    version: 1,
    effectiveFrom: '2026-01-01T00:00:00Z',
  },
  scope: { tenantId: 'acme' },
  config: { home, provider: 'openrouter', durability: 'process' },
});
for (let call = 0; ; call++) {
  const labels = { userId: `u${call % 500}`, teamId: `t${call % 7}`, taskId: `task-${call % 40}` };
  makeCall(guard.with(labels), MODELS[call % MODELS.length]);
  await new Promise((done) => setTimeout(done, 1_000 / Number(callsPerSecond)));
}

async function makeCall(mine, model) {
  try {
    const allowed = await mine.decide({ model, inputTokens: 100, maxOutputTokens: 200 });
    await new Promise((done) => setTimeout(done, 300));
    await mine.settle(allowed, { costUsd: '0.0002', inputTokens: 90, outputTokens: 50 });
  } catch (error) {
    if (!(error instanceof AgentGuardBlockedError)) throw error;
  }
}
