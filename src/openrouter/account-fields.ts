/** Reads answers about an account: strict about the fields that are needed, indifferent to all others. */
import type { AgentGuardError } from '../core/errors.js';
import { isObject, type Json, type JsonObject } from '../core/json.js';
import { parseUsd, type Usd } from '../core/money.js';
import type { Client } from './client.js';
import { malformed } from './failure.js';

/** Where the paths of the interface start. */
export const API_URL = 'https://openrouter.ai/api/v1';

/** The address of a path below the base, whatever the base ends with. */
export function locatePath(base: URL, path: string): URL {
  const url = new URL(base);
  url.search = '';
  url.hash = '';
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${path}`;
  return url;
}

/** The `data` of an answer. @throws as `Client.getJson` */
export async function getData(client: Client, base: URL, path: string): Promise<Json> {
  const answer = await client.getJson(locatePath(base, path));
  const data = answer.kind === 'fresh' && isObject(answer.json) ? answer.json.data : undefined;
  if (data === undefined) throw misshapen(base, path, 'has no "data"');
  return data;
}

/** An amount in US dollars, a JSON number or decimal text ≥ 0; a number means its shortest decimal. `undefined`: neither. */
export function readUsd(data: JsonObject, key: string): Usd | undefined {
  const value = data[key];
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  const usd = parseUsd(String(value), 'up');
  return usd === undefined || usd < 0n ? undefined : usd;
}

/** The answer is JSON, but not what it should be. `what` reads on from the path. */
export function misshapen(base: URL, path: string, what: string): AgentGuardError {
  return malformed(
    `The answer of ${base.host} to /${path} ${what}.`,
    'Check the address; if it is right, this version does not understand the service.',
  );
}
