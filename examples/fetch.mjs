// The same guard for whatever takes a `fetch`: here, `fetch` itself. Needs OPENROUTER_API_KEY.
//   node examples/fetch.mjs "Say hello."
import { guardFetch, setCostOverride } from '@agentguard-run/spend';

const model = 'openai/gpt-5-mini';
setCostOverride(model, { inputCentsPerKtok: 0.025, outputCentsPerKtok: 0.2 });

const guardedFetch = guardFetch(fetch, {
  policy: {
    id: 'fetch-example',
    name: 'A dime a day',
    scope: { tenantId: 'quickstart' },
    caps: [{ amountCents: 10, window: 'per_day', action: 'block', reason: 'a dime a day' }],
    mode: 'enforce',
    version: 1,
    effectiveFrom: '2026-01-01T00:00:00Z',
  },
});

// Labels for one piece of work: they stand in its receipts, and caps can select them.
const task = guardedFetch.$guard.with({ agentId: 'greeter', taskId: 'hello' });

const response = await task('https://openrouter.ai/api/v1/chat/completions', {
  method: 'POST',
  headers: {
    authorization: `Bearer ${process.env.OPENROUTER_API_KEY}`,
    'content-type': 'application/json',
  },
  body: JSON.stringify({
    model,
    max_tokens: 200,
    messages: [{ role: 'user', content: process.argv[2] ?? 'Say hello.' }],
  }),
});
const answer = await response.json();
console.log(answer.choices?.[0]?.message.content ?? answer);
await guardedFetch.$guard.close();
