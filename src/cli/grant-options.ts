/** The terms of `agentguard grant` as they are typed: amount, end, cap and the calls that it is for. */

import { findNameFault } from '../core/fields.js';
import { parseInstant } from '../core/instant.js';
import { parseUsd } from '../core/money.js';
import type { ScopeKey, Selector } from '../core/scope.js';
import type { GrantRequest } from '../store/control.js';
import { usageError } from './cli-error.js';

export interface GrantOptions {
  readonly usd?: string;
  readonly until?: string;
  readonly policy?: string;
  readonly cap?: string;
  readonly team?: string;
  readonly user?: string;
  readonly agent?: string;
  readonly task?: string;
  readonly session?: string;
  readonly workflow?: string;
  readonly environment?: string;
}

type GrantTerms = Pick<GrantRequest, 'usd' | 'until' | 'selector' | 'capPolicyId' | 'capIndex'>;

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DEFAULT_MS = 3_600_000;
/** Later than this is not "for a while". */
const MAX_MS = 366 * 86_400_000;
const LABELS = {
  teamId: 'team',
  userId: 'user',
  agentId: 'agent',
  taskId: 'task',
  sessionId: 'session',
  workflowId: 'workflow',
  environment: 'environment',
} as const satisfies { readonly [K in ScopeKey]?: keyof GrantOptions };

/** @throws CliError for terms that are none */
export function readGrantTerms(options: GrantOptions, nowMs: number): GrantTerms {
  return {
    usd: readUsd(options.usd),
    until: readUntil(options.until, nowMs),
    capPolicyId: readPolicyId(options.policy),
    capIndex: readIndex(options.cap),
    selector: readLabels(options),
  };
}

function readUsd(text: string | undefined): bigint {
  const usd = text === undefined ? undefined : parseUsd(text);
  if (usd !== undefined && usd > 0n) return usd;
  throw usageError(
    `--usd takes an amount above 0 in US dollars, found ${JSON.stringify(text ?? '')}`,
    'agentguard grant --usd 5 --until 2h',
  );
}

function readUntil(text: string | undefined, nowMs: number): GrantTerms['until'] {
  if (text === undefined) return { forMs: DEFAULT_MS };
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const forMs = Number(count) * (UNITS_MS[unit ?? ''] ?? Number.NaN);
  const atMs = parseInstant(text);
  const leftMs = atMs === undefined ? forMs : atMs - nowMs;
  if (leftMs > 0 && leftMs <= MAX_MS) return atMs === undefined ? { forMs } : { atMs };
  throw usageError(
    `--until takes a time from now such as 90m, 2h or 3d, or a moment ahead such as 2026-10-01T18:00:00Z, at most a year; found ${JSON.stringify(text)}`,
  );
}

function readPolicyId(text: string | undefined): string | undefined {
  const fault = text === undefined ? undefined : findNameFault(text);
  if (fault !== undefined)
    throw usageError(`--policy ${fault}`, 'it takes the id of a policy, as receipts name it');
  return text;
}

function readIndex(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw usageError(
    `--cap takes the place of a cap in its policy, from 0, found ${JSON.stringify(text)}`,
    'agentguard explain and the receipts name it as index',
  );
}

/** The labels that options name. @throws CliError for one that is no name */
export function readLabels(options: GrantOptions): Selector {
  const selector: { [K in ScopeKey]?: string } = {};
  for (const [key, flag] of Object.entries(LABELS)) {
    const label = options[flag];
    if (label === undefined) continue;
    const fault = findNameFault(label);
    if (fault !== undefined) throw usageError(`--${flag} ${fault}`);
    selector[key as keyof typeof LABELS] = label;
  }
  return selector;
}
