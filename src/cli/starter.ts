/** The two files that `init` writes for a new user: a policy and an agent that runs under it. */

export const POLICY_FILE = 'policy.json';
export const AGENT_FILE = 'agent.mjs';

/** A policy with every window small enough to be met while trying things out. */
export function printStarterPolicy(scope: string, nowMs: number): string {
  const effectiveFrom = new Date(Math.floor(nowMs / 1000) * 1000).toISOString();
  const policy = {
    // Editors complete and check against it, once the package is installed beside the file.
    $schema: './node_modules/@agentguard-run/spend/schema/policy.schema.json',
    id: 'starter',
    name: 'Starter policy',
    scope: { tenantId: scope },
    caps: [
      {
        amountCents: 100,
        window: 'per_day',
        action: 'downgrade',
        downgradeTo: 'openai/gpt-5-nano',
        reason: 'over $1 today, use the small model',
      },
      { amountCents: 200, window: 'per_day', action: 'block', reason: 'hard ceiling of $2 a day' },
      { amountCents: 50, window: 'per_minute', action: 'block', reason: 'runaway loop' },
    ],
    mode: 'enforce',
    version: 1,
    effectiveFrom,
    defaultMaxOutputTokens: 2048,
  };
  return `${JSON.stringify(policy, null, 2)}\n`;
}

/** A program that makes one guarded call and tells what it cost. */
export function printAgent(scope: string): string {
  return `// One guarded call: decided before it is sent, signed into a ledger, settled on what was billed.
// Run: OPENROUTER_API_KEY=sk-or-... node ${AGENT_FILE}
import { fileURLToPath } from 'node:url';
import { AgentGuardBlockedError, setCostOverride, withSpendGuard } from '@agentguard-run/spend';
import OpenAI from 'openai';

// Cents per 1,000 tokens. Prices change: compare with https://openrouter.ai/models before you rely on a cap.
setCostOverride('openai/gpt-5-mini', { inputCentsPerKtok: '0.025', outputCentsPerKtok: '0.2' });
setCostOverride('openai/gpt-5-nano', { inputCentsPerKtok: '0.005', outputCentsPerKtok: '0.04' });

const apiKey = process.env.OPENROUTER_API_KEY;
if (!apiKey) {
  console.error('Set OPENROUTER_API_KEY first: https://openrouter.ai/settings/keys');
  process.exit(2);
}

const baseURL = process.env.OPENROUTER_BASE_URL ?? 'https://openrouter.ai/api/v1';

const client = withSpendGuard(new OpenAI({ apiKey, baseURL }), {
  policy: fileURLToPath(new URL('./${POLICY_FILE}', import.meta.url)),
  scope: { tenantId: ${JSON.stringify(scope)}, agentId: 'quickstart' },
  config: {
    provider: 'openrouter',
    onDecision: ({ decision }) => {
      const what = decision.entryType ?? decision.action;
      console.log(\`\${what}: \${decision.modelResolved}, $\${decision.actualUsd ?? decision.reservedUsd}\`);
    },
  },
});

try {
  const completion = await client.chat.completions.create({
    model: 'openai/gpt-5-mini',
    max_tokens: 500,
    messages: [{ role: 'user', content: 'Name three reasons to keep receipts. One line each.' }],
  });
  console.log(completion.choices[0]?.message.content);
} catch (error) {
  if (!(error instanceof AgentGuardBlockedError)) throw error;
  console.error(\`refused: \${error.message}\`);
  process.exitCode = 1;
} finally {
  await client.$guard.close();
}
`;
}
