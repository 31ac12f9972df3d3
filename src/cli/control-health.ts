/** What operators and guards put in force in a scope: a stop, grants, edits of policy files that were refused. */
import type { Controls, Grant } from '../core/control.js';
import { showUsd } from '../core/money.js';
import { printScopeKey } from '../core/scope.js';
import { count } from '../core/verdicts.js';
import { fine, type HealthCheck, printAge, warn } from './health.js';
import { shorten } from './print.js';

const MAX_LISTED = 5;

/** The kill switch: what it refuses it is meant to refuse. */
export function judgeStop(
  name: string,
  controls: Controls,
  { nowMs, resume }: { readonly nowMs: number; readonly resume: string },
): HealthCheck {
  const stop = controls.findStop();
  if (!stop) return fine(name, 'calls are not stopped');
  const who = stop.by === undefined ? '' : ` by ${shorten(stop.by, 60)}`;
  const why = stop.reason === undefined ? '' : `: ${shorten(stop.reason, 200)}`;
  const message = `every call is refused since ${printAge(nowMs - stop.sinceMs)}${who}${why}`;
  return warn(name, message, `when that is over, run: ${resume}`);
}

/** Limits that are raised at present. */
export function judgeGrants(name: string, controls: Controls, nowMs: number): HealthCheck {
  const grants = controls.listGrants(nowMs);
  if (grants.length === 0) return fine(name, 'none in force');
  const listed = grants.slice(0, MAX_LISTED).map(describeGrant);
  const more = grants.length > MAX_LISTED ? ` and ${grants.length - MAX_LISTED} more` : '';
  return warn(name, `${count(grants.length, 'grant')} in force: ${listed.join('; ')}${more}`);
}

/** Edits that no guard took over, told until the file is mended. */
export function judgePolicyFiles(name: string, controls: Controls, nowMs: number): HealthCheck {
  const refused = controls.listPolicies().flatMap(({ policyId, rejected }) => {
    if (!rejected) return [];
    const paths = rejected.paths.filter((path) => path !== '').slice(0, MAX_LISTED);
    const where = paths.length === 0 ? '' : ` (${paths.map((path) => shorten(path, 80)).join(', ')})`;
    const what = rejected.contentHash === '' ? 'cannot be read' : 'is refused';
    return [
      `the file of "${shorten(policyId, 60)}" ${what} since ${printAge(nowMs - rejected.sinceMs)}${where}`,
    ];
  });
  if (refused.length === 0) return fine(name, 'no edit was refused');
  const listed = refused.slice(0, MAX_LISTED).join('; ');
  const message = `${listed}: the policy before it stays in force`;
  return warn(name, message, 'agentguard policy check <file> tells what is wrong; a good file is taken over');
}

function describeGrant({ usd, untilMs, match, capPolicyId, capIndex, by }: Grant): string {
  const key = printScopeKey(match);
  const whose = key === '' ? '' : ` for ${shorten(key, 80)}`;
  const where = capIndex === undefined ? '' : ` on cap ${capIndex}`;
  const of = capPolicyId === undefined ? '' : ` of "${shorten(capPolicyId, 60)}"`;
  const who = by === undefined ? '' : ` by ${shorten(by, 60)}`;
  return `${showUsd(usd)} more${where}${of}${whose} until ${new Date(untilMs).toISOString()}${who}`;
}
