/** What `doctor` finds: one line each, with what to do about it. */

export type HealthStatus = 'ok' | 'warn' | 'fail';

export interface HealthCheck {
  /** What was looked at: `home`, `acme: key`. */
  readonly name: string;
  readonly status: HealthStatus;
  readonly message: string;
  /** What to do; absent when nothing is to be done. */
  readonly fix?: string | undefined;
}

/** All is well. */
export function fine(name: string, message: string): HealthCheck {
  return { name, status: 'ok', message };
}

/** Something to know about; nothing stops working. */
export function warn(name: string, message: string, fix?: string): HealthCheck {
  return { name, status: 'warn', message, fix };
}

/** Calls are refused, or proofs fail, until it is mended. */
export function fail(name: string, message: string, fix?: string): HealthCheck {
  return { name, status: 'fail', message, fix };
}

/** `5 s`, `3 min`, `2 h`, `4 d`: how long ago, for people. */
export function printAge(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}
