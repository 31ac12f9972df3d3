/** A real `openai` client, guarded, pointed at the stand-in. */
import OpenAI from 'openai';
import { onTestFinished } from 'vitest';
import type { SpendCap, SpendPolicy } from '../../src/core/policy.js';
import { setCostOverride } from '../../src/guard/cost-overrides.js';
import type { GuardConfig } from '../../src/guard/options.js';
import { withSpendGuard } from '../../src/guard/with-spend-guard.js';
import { type StandInOptions, startStandIn } from '../../src/stand-in/server.js';
import { makeHome } from './home.js';

export const HAIKU = 'anthropic/claude-haiku-4.5';
export const OPUS = 'anthropic/claude-opus-4.7';

/** List prices of the stand-in: $1 and $5 per million for haiku, $5 and $25 for opus. */
export function setPrices(): void {
  setCostOverride(HAIKU, { inputCentsPerKtok: 0.1, outputCentsPerKtok: 0.5 });
  setCostOverride(OPUS, { inputCentsPerKtok: 0.5, outputCentsPerKtok: 2.5 });
}

export function policyOf(caps: readonly SpendCap[], more: Partial<SpendPolicy> = {}): SpendPolicy {
  return {
    id: 'test',
    name: 'Test policy',
    scope: { tenantId: 'acme' },
    caps,
    mode: 'enforce',
    version: 1,
    effectiveFrom: '2026-01-01T00:00:00Z',
    ...more,
  };
}

interface Setup {
  readonly caps?: readonly SpendCap[];
  readonly policy?: Partial<SpendPolicy>;
  readonly config?: GuardConfig;
  readonly standIn?: StandInOptions;
  readonly client?: Partial<ConstructorParameters<typeof OpenAI>[0]>;
}

export async function openGuarded({ caps = [], policy, config, standIn: options, client: more }: Setup = {}) {
  setPrices();
  const home = config?.home ?? (await makeHome());
  const standIn = await startStandIn(options);
  const client = new OpenAI({ apiKey: 'sk-test-key', baseURL: standIn.url, ...more });
  const guarded = withSpendGuard(client, {
    policy: policyOf(caps, policy),
    scope: { tenantId: 'acme', teamId: 'engineering', userId: 'alice' },
    config: { home, provider: 'openrouter', ...config },
  });
  onTestFinished(async () => {
    await guarded.$guard.close();
    await standIn.close();
  });
  return { home, standIn, client, guarded };
}

export const ASK = { model: HAIKU, messages: [{ role: 'user' as const, content: 'Say something.' }] };
