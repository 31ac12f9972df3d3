/** `GET /key`: what one key may spend and has spent, since midnight UTC, Monday and the first of the month. */
import { isObject, type JsonObject } from '../core/json.js';
import { KEY_WINDOWS, type KeyUse, type KeyWindow } from '../core/key-windows.js';
import { getData, misshapen, readUsd } from './account-fields.js';
import type { Client } from './client.js';

/** The figures of the key that asked. Its label and owner are not read. */
export interface KeyReport {
  readonly windows: Readonly<Record<KeyWindow, KeyUse>>;
  /** It may ask for figures of the whole account. */
  readonly isManagementKey: boolean;
}

const PATH = 'key';

/** Asks about the key that the client carries. @throws as `Client.getJson` */
export async function fetchKey(client: Client, base: URL): Promise<KeyReport> {
  const data = await getData(client, base, PATH);
  if (!isObject(data)) throw misshapen(base, PATH, 'has no object in "data"');
  const read = (window: KeyWindow): KeyUse => readUse(base, data, window);
  const [daily, weekly, monthly] = KEY_WINDOWS.map(read) as [KeyUse, KeyUse, KeyUse];
  return {
    windows: { daily, weekly, monthly },
    isManagementKey: data.is_management_key === true || data.is_provisioning_key === true,
  };
}

function readUse(base: URL, data: JsonObject, window: KeyWindow): KeyUse {
  const usageUsd = readUsd(data, `usage_${window}`);
  const byok = `byok_usage_${window}`;
  const byokUsd = data[byok] == null ? 0n : readUsd(data, byok);
  if (usageUsd === undefined) throw misshapen(base, PATH, `has no usable "usage_${window}"`);
  if (byokUsd === undefined) throw misshapen(base, PATH, `has no usable "${byok}"`);
  return { usageUsd, byokUsd };
}
