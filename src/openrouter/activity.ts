/** `GET /activity`: what the whole account was charged, by UTC day, model and endpoint, for the last 30 complete days. */
import { isObject, type Json, type JsonObject } from '../core/json.js';
import type { ActivityLine } from '../core/reconciliation.js';
import { parseDay } from '../core/utc-day.js';
import { getData, misshapen, readUsd } from './account-fields.js';
import type { Client } from './client.js';

/** Complete days that the service keeps. */
export const ACTIVITY_DAYS = 30;

const PATH = 'activity';
const MAX_TEXT_LENGTH = 256;

/** Charges of all keys of the account. Needs a management key. @throws as `Client.getJson` */
export async function fetchActivity(client: Client, base: URL): Promise<readonly ActivityLine[]> {
  const data = await getData(client, base, PATH);
  if (!Array.isArray(data)) throw misshapen(base, PATH, 'has no list in "data"');
  return data.map((entry: Json, index) => {
    const line = isObject(entry) ? readLine(entry) : 'object';
    if (typeof line !== 'string') return line;
    throw misshapen(base, PATH, `has no usable "${line}" in entry ${index + 1}`);
  });
}

/** One line, or the name of the field that is missing or of the wrong shape. */
function readLine(entry: JsonObject): ActivityLine | string {
  const date = readDate(entry.date);
  const model = readText(entry.model);
  const usageUsd = readUsd(entry, 'usage');
  const byokUsd = entry.byok_usage_inference == null ? 0n : readUsd(entry, 'byok_usage_inference');
  if (date === undefined) return 'date';
  if (model === undefined) return 'model';
  if (usageUsd === undefined) return 'usage';
  if (byokUsd === undefined) return 'byok_usage_inference';
  const { requests } = entry;
  return {
    date,
    model,
    permaslug: readText(entry.model_permaslug),
    provider: readText(entry.provider_name),
    usageUsd,
    byokUsd,
    requests: Number.isSafeInteger(requests) && Number(requests) >= 0 ? Number(requests) : undefined,
  };
}

/** A day, with or without the midnight that some databases print after it. */
function readDate(value: Json | undefined): string | undefined {
  if (typeof value !== 'string' || !/^.{10}(?:[T ]00:00:00(?:\.0+)?Z?)?$/.test(value)) return undefined;
  const day = value.slice(0, 10);
  return parseDay(day) === undefined ? undefined : day;
}

function readText(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT_LENGTH ? value : undefined;
}
