/** Fields that mean the same on every path: which models may answer, where, and with what extras. */

import { isModelId } from '../labels.js';
import {
  all,
  type Check,
  type Fields,
  harmless,
  isList,
  isObject,
  never,
  onlyKeys,
  REASONS,
  type UnboundedField,
  unless,
} from './field-checks.js';
import { readUsdPerMtok } from './price-ceiling.js';

/** Models that one request may list. */
const MAX_MODELS = 16;

const PROVIDER_KEYS = [
  'order',
  'only',
  'ignore',
  'allow_fallbacks',
  'require_parameters',
  'data_collection',
  'quantizations',
  'sort',
  'max_price',
  'zdr',
  'enforce_distillable_text',
  'preferred_min_throughput',
  'preferred_max_latency',
];

/** Checks shared by all readers. */
export const SHARED_FIELDS: Readonly<Record<string, Check>> = {
  model: unless(
    isPlainModel,
    'names a preset or a paid variant (:online), which is not bounded yet, or is no model id',
  ),
  models: unless(isModelList, 'must be a list of plain model ids'),
  provider: checkProvider,
  ...all('fallbacks route preset', never(REASONS.otherModels)),
  plugins: unless((value) => isList(value, []), REASONS.paid),
  service_tier: unless((value) => value === 'default' || value === 'auto' || value === 'flex', REASONS.paid),
  speed: unless((value) => value === 'standard', REASONS.paid),
  ...all('metadata user session_id trace safety_identifier stream stream_options usage', harmless),
};

/** The models that may answer instead of `model`, in order. */
export function readFallbacks(body: Fields): readonly string[] {
  return isModelList(body.models) ? body.models.filter((model) => model !== body.model) : [];
}

/** Presets reach other models, and `:online` adds a paid search. */
function isPlainModel(model: unknown): model is string {
  return isModelId(model) && !model.includes('@') && !/:online\b/i.test(model);
}

function isModelList(models: unknown): models is string[] {
  return Array.isArray(models) && models.length <= MAX_MODELS && models.every(isPlainModel);
}

/** What is no list of names could be read as one upstream. */
function findBadList(value: unknown, field: string): UnboundedField | undefined {
  if (!isObject(value)) return undefined;
  const bad = ['order', 'only', 'ignore'].find((key) => value[key] != null && !isNameList(value[key]));
  return bad === undefined
    ? undefined
    : { field: `${field}.${bad}`, reason: 'must be a list of provider names' };
}

function isNameList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '');
}

function checkProvider(value: unknown, field: string) {
  const found = onlyKeys(PROVIDER_KEYS)(value, field) ?? findBadList(value, field);
  if (found || !isObject(value) || value.max_price == null) return found;
  const ceiling = `${field}.max_price`;
  const unknown = onlyKeys(['prompt', 'completion', 'request', 'image', 'audio'])(value.max_price, ceiling);
  if (unknown) return unknown;
  const bad = Object.entries(value.max_price as Fields).find(
    ([, price]) => readUsdPerMtok(price) === undefined,
  );
  return bad && { field: `${ceiling}.${bad[0]}`, reason: 'must be a decimal ≥ 0, in USD per million tokens' };
}
