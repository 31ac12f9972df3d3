// A guarded client in one file. Needs `npm install @agentguard-run/spend openai` and OPENROUTER_API_KEY.
//   node examples/quickstart.mjs "Say hello."
import { AgentGuardBlockedError, setCostOverride, withSpendGuard } from '@agentguard-run/spend';
import OpenAI from 'openai';

const model = 'anthropic/claude-haiku-4.5';
// What a model costs, in US cents per 1,000 tokens. Take it from your provider's price list: a model without a price is refused.
setCostOverride(model, { inputCentsPerKtok: 0.1, outputCentsPerKtok: 0.5 });

const client = new OpenAI({
  apiKey: process.env.OPENROUTER_API_KEY,
  baseURL: 'https://openrouter.ai/api/v1',
});

const guarded = withSpendGuard(client, {
  policy: {
    id: 'quickstart',
    name: 'A dime a day',
    scope: { tenantId: 'quickstart' },
    caps: [{ amountCents: 10, window: 'per_day', action: 'block', reason: 'a dime a day' }],
    mode: 'enforce',
    version: 1,
    effectiveFrom: '2026-01-01T00:00:00Z',
  },
});

try {
  const stream = await guarded.chat.completions.create({
    model,
    max_tokens: 200,
    messages: [{ role: 'user', content: process.argv[2] ?? 'Say hello.' }],
    stream: true,
  });
  for await (const event of stream) process.stdout.write(event.choices[0]?.delta?.content ?? '');
  process.stdout.write('\n');
} catch (error) {
  if (!(error instanceof AgentGuardBlockedError)) throw error;
  console.error(`refused: ${error.message}`);
  process.exitCode = 1;
} finally {
  await guarded.$guard.close();
}
console.error('receipts: npx agentguard verify --trace latest');
