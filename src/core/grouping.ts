/** What calls are grouped by: fields of the filter language, and days and months of a time zone. */
import type { CallRecord } from './call-record.js';
import { zoneOffsetMs } from './local-time.js';
import { windowStartMs } from './window.js';

type ReadValue = (record: CallRecord) => string;

/** One value per call. Where a filter's field looks into several columns, the value is one that it would find. */
const VALUES = {
  action: (record) => record.action,
  state: (record) => record.state,
  /** The model that was sent; of a refused call, the one that would have been. */
  model: (record) => record.resolved || record.requested,
  requested: (record) => record.requested,
  resolved: (record) => record.resolved,
  served: (record) => record.served,
  /** Who ran the model, as far as upstream said so. */
  provider: (record) => record.servedProvider || record.provider,
  user: (record) => record.user,
  team: (record) => record.team,
  agent: (record) => record.agent,
  task: (record) => record.task,
  session: (record) => record.session,
  workflow: (record) => record.workflow,
  env: (record) => record.environment,
  tenant: (record) => record.tenant,
  scope: (record) => record.scope,
  policy: (record) => record.policy,
  code: (record) => record.code,
  cap: (record) => record.cap,
  outcome: (record) => record.outcome,
  source: (record) => record.costSource,
  signer: (record) => record.signer,
} as const satisfies Readonly<Record<string, ReadValue>>;

const SPANS = { hour: 'per_hour', day: 'per_day', week: 'per_week', month: 'per_month' } as const;

export type ValueField = keyof typeof VALUES;
export type SpanField = keyof typeof SPANS;
export type GroupField = ValueField | SpanField;

export const VALUE_FIELDS = Object.keys(VALUES) as readonly ValueField[];
export const SPAN_FIELDS = Object.keys(SPANS) as readonly SpanField[];
export const GROUP_FIELDS: readonly GroupField[] = [...VALUE_FIELDS, ...SPAN_FIELDS];

export interface Grouping {
  readonly by: readonly GroupField[];
  /** Whose hours, days, weeks and months; default `UTC`. A zone that the platform knows. */
  readonly zone?: string;
}

/** The values that a call is grouped by, one for each field. Texts come from rows: hostile. */
export function groupKeyOf(record: CallRecord, { by, zone = 'UTC' }: Grouping): readonly string[] {
  return by.map((field) =>
    isSpan(field) ? nameSpan(field, record.timestampMs, zone) : VALUES[field](record),
  );
}

/** The value of one field for a call. */
export function pickValue(record: CallRecord, field: ValueField): string {
  return VALUES[field](record);
}

/** `2026-10-07T13`, `2026-10-07` (a week: its Monday), `2026-10`; empty for a row without a time. */
export function nameSpan(field: SpanField, atMs: number, zone = 'UTC'): string {
  if (!Number.isFinite(atMs)) return '';
  const startMs = windowStartMs(SPANS[field], atMs, zone);
  const cacheKey = `${field} ${zone}`;
  const last = lastNames.get(cacheKey);
  if (last?.startMs === startMs) return last.name;
  const name = printSpan(field, startMs, zone);
  lastNames.set(cacheKey, { startMs, name });
  return name;
}

/** The span named last: calls come in order, and the calendars of zones are slow. */
const lastNames = new Map<string, { readonly startMs: number; readonly name: string }>();

function printSpan(field: SpanField, startMs: number, zone: string): string {
  const wall = new Date(startMs + zoneOffsetMs(zone, startMs)).toISOString();
  switch (field) {
    case 'hour':
      return wall.slice(0, 13);
    case 'month':
      return wall.slice(0, 7);
    case 'day':
    case 'week':
      return wall.slice(0, 10);
  }
}

function isSpan(field: GroupField): field is SpanField {
  return Object.hasOwn(SPANS, field);
}
