/** `GET /credits`: what the account has bought and used since it exists. */
import { isObject } from '../core/json.js';
import type { Usd } from '../core/money.js';
import { getData, misshapen, readUsd } from './account-fields.js';
import type { Client } from './client.js';

/** Of the whole account, all keys together. */
export interface Credits {
  readonly boughtUsd: Usd;
  readonly usedUsd: Usd;
}

const PATH = 'credits';

/** Needs a management key. @throws as `Client.getJson` */
export async function fetchCredits(client: Client, base: URL): Promise<Credits> {
  const data = await getData(client, base, PATH);
  const boughtUsd = isObject(data) ? readUsd(data, 'total_credits') : undefined;
  const usedUsd = isObject(data) ? readUsd(data, 'total_usage') : undefined;
  if (boughtUsd === undefined) throw misshapen(base, PATH, 'has no usable "total_credits"');
  if (usedUsd === undefined) throw misshapen(base, PATH, 'has no usable "total_usage"');
  return { boughtUsd, usedUsd };
}
