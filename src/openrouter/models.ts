/** The two price lists of OpenRouter: all models, and the endpoints behind one model (design: `GET /models`). */
import type { Json } from '../core/json.js';
import type { Client } from './client.js';
import { malformed } from './failure.js';
import type { JsonAnswer, Validators } from './http-get.js';

/** The whole catalogue. Without the query, models that answer with pictures or sound would be missing. */
export const MODELS_URL = 'https://openrouter.ai/api/v1/models?output_modalities=all';

/** No dot at the start of a part: `..` would lead to another address. */
const MODEL_ID = /^~?[a-z0-9][a-z0-9._-]*\/[a-z0-9][a-z0-9._-]*(?::[a-z0-9][a-z0-9-]*)?$/;

/** All models as the service lists them, unchecked. @throws as `Client.getJson` */
export function fetchModels(client: Client, url: URL, validators: Validators = {}): Promise<JsonAnswer> {
  return client.getJson(url, validators);
}

/** The endpoints behind one model, unchecked. `modelsUrl` is where the list of models is. @throws as `Client.getJson` */
export async function fetchEndpoints(client: Client, modelsUrl: URL, id: string): Promise<Json> {
  const answer = await client.getJson(locateEndpoints(modelsUrl, id));
  if (answer.kind === 'fresh') return answer.json;
  throw malformed(`${modelsUrl.host} left the endpoints of ${id} out.`, 'Try again.');
}

/** @throws RangeError when `id` is not the id of a model: it becomes part of an address */
export function locateEndpoints(modelsUrl: URL, id: string): URL {
  if (!MODEL_ID.test(id)) throw new RangeError(`${JSON.stringify(id)} is no model id`);
  const url = new URL(modelsUrl);
  url.search = '';
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${id}/endpoints`;
  return url;
}
