/** What reading something untrusted gives: a value, or a problem code with a sentence. Never an exception. */
import type { ProblemCode } from './report.js';

/** Why something from outside was not accepted. The message may quote it: hostile. */
export interface Refusal {
  readonly ok: false;
  readonly code: ProblemCode;
  readonly message: string;
}

/** What reading untrusted bytes gives: the value, or why not. */
export type Reading<T> = { readonly ok: true; readonly value: T } | Refusal;

/** A refusal with its code and sentence. */
export function refusal(code: ProblemCode, message: string): Refusal {
  return { ok: false, code, message };
}

/** Text from outside, short enough to stand in a sentence. Still hostile: escape it at the sink. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
