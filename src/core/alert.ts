/** Alerts: the parts of a cap's limit whose first crossing in a window is told (docs/policy.md "Alerts"). */
import { describe, type Fields, joinPath, noteProblem } from './fields.js';
import type { Json } from './json.js';
import { ONE_USD, parseUsd } from './money.js';

/** One part of a limit. */
export interface AlertLevel {
  /** As a plain decimal: `0.8`. */
  readonly text: string;
  /** The same at the scale of `money.ts`: 10²⁴ is the whole limit. */
  readonly part: bigint;
}

/** A level that a call crosses. Amounts are in the unit of the cap. */
export interface Alert {
  readonly level: AlertLevel;
  /** Settled, held at its estimate, and the estimate of this call. */
  readonly spent: bigint;
  readonly limit: bigint;
}

/**
 * The levels crossed when a counter comes to stand at `spent`, lowest first. `peak` is the highest that it stood at after
 * an earlier call of the window: settling for less and coming back is no second crossing.
 */
export function findAlerts(
  levels: readonly AlertLevel[],
  limit: bigint,
  peak: bigint,
  spent: bigint,
): readonly Alert[] {
  const crossed = levels.filter(
    ({ part }) => peak * ONE_USD < limit * part && limit * part <= spent * ONE_USD,
  );
  return crossed.map((level) => ({ level, spent, limit }));
}

/** The key `alertAt` of a cap: decimals above 0 and up to 1, each once. What is wrong is noted. */
export function readAlertLevels(fields: Fields): readonly AlertLevel[] {
  const list = fields.data.alertAt;
  if (list === undefined) return [];
  const path = joinPath(fields.path, 'alertAt');
  if (!Array.isArray(list) || list.length === 0) {
    noteProblem(
      fields.problems,
      path,
      `must be an array of parts such as [0.5, 0.8], found ${describe(list)}`,
    );
    return [];
  }
  if (fields.data.window === 'per_call')
    noteProblem(fields.problems, path, 'does not go with the window "per_call", which has no counter');
  const levels = list.flatMap((value: Json, index) => readLevel(fields, joinPath(path, index), value));
  levels.sort((a, b) => (a.part < b.part ? -1 : 1));
  const twin = levels.find(({ part }, index) => part === levels[index + 1]?.part);
  if (twin) noteProblem(fields.problems, path, `has ${twin.text} twice`);
  return levels;
}

function readLevel({ problems }: Fields, path: string, value: Json): AlertLevel[] {
  const text = typeof value === 'number' || typeof value === 'string' ? String(value) : '';
  const part = parseUsd(text);
  if (part !== undefined && part > 0n && part <= ONE_USD) return [{ text: printPart(part), part }];
  noteProblem(problems, path, `must be a decimal above 0 and at most 1, found ${describe(value)}`);
  return [];
}

/** `0.8`, whether it was written `0.80` or `8e-1`. */
function printPart(part: bigint): string {
  return part === ONE_USD ? '1' : `0.${part.toString().padStart(24, '0').replace(/0+$/, '')}`;
}
