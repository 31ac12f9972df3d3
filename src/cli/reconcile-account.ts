/** What OpenRouter says about the account and the key, asked with as few questions as the keys at hand allow. */
import type { ActivityLine } from '../core/reconciliation.js';
import { fetchActivity } from '../openrouter/activity.js';
import { createClient } from '../openrouter/client.js';
import { type Credits, fetchCredits } from '../openrouter/credits.js';
import { fetchKey, type KeyReport } from '../openrouter/key.js';
import type { CommandContext } from './context.js';

/** Upstream's own numbers. */
export interface Account {
  /** Of the key that spends; absent when only a management key was given. */
  readonly key: KeyReport | undefined;
  /** Of all keys; absent when no key at hand may ask for it. */
  readonly activity: readonly ActivityLine[] | undefined;
  readonly credits: Credits | undefined;
}

export interface AccountQuestion {
  readonly url: URL;
  /** For everything together. */
  readonly timeoutMs: number;
  readonly key: string | undefined;
  readonly managementKey: string | undefined;
}

/** Asks. A key that manages the account needs no second one. @throws AgentGuardError as `Client.getJson` */
export async function fetchAccount(context: CommandContext, question: AccountQuestion): Promise<Account> {
  const { io, notes, quiet } = context;
  const { url, key, managementKey } = question;
  const endsAt = io.elapsedMs() + question.timeoutMs;
  const ask = async <T>(token: string, work: (client: ReturnType<typeof createClient>) => Promise<T>) => {
    const client = createClient({
      env: io.env,
      timeoutMs: Math.max(1, Math.ceil(endsAt - io.elapsedMs())),
      headers: { authorization: `Bearer ${token}` },
      signal: io.signal,
      onRetry: ({ message }, pauseMs) => {
        if (!quiet) notes.line(`${message} Trying again in ${Math.ceil(pauseMs / 1000)} s.`);
      },
    });
    try {
      return await work(client);
    } finally {
      await client.close();
    }
  };
  const own = key === undefined ? undefined : await ask(key, (client) => fetchKey(client, url));
  const manager = managementKey ?? (own?.isManagementKey ? key : undefined);
  if (manager === undefined) return { key: own, activity: undefined, credits: undefined };
  return ask(manager, async (client) => ({
    key: own,
    activity: await fetchActivity(client, url),
    credits: await fetchCredits(client, url),
  }));
}
