/** The problems of one file as they are found: each with its weight, and at most 1,000 of them kept. */
import type { Problem, ProblemCode, Severity } from './report.js';

/** How many problems of a file are listed; all are counted. */
export const MAX_LISTED_PROBLEMS = 1000;

type Judged = 'authentic' | 'contiguous' | 'complete' | 'lawful';

interface Weight {
  readonly severity: Severity;
  /** The verdicts that the problem turns to "no". */
  readonly against: readonly Judged[];
}

const UNREADABLE: Weight = { severity: 'error', against: ['authentic', 'contiguous'] };
const UNSIGNED: Weight = { severity: 'error', against: ['authentic'] };
const BROKEN: Weight = { severity: 'error', against: ['contiguous'] };
const INCOMPLETE: Weight = { severity: 'error', against: ['complete'] };
const UNLAWFUL: Weight = { severity: 'error', against: ['lawful'] };
const WARNING: Weight = { severity: 'warning', against: [] };
const NOTE: Weight = { severity: 'note', against: [] };

/** What each code weighs. `UNSIGNED_KEY`, `TORN_TAIL` and `REVOKED_KEY` also have a milder form. */
export const WEIGHTS: Readonly<Record<ProblemCode, Weight>> = {
  NOT_JSON: UNREADABLE,
  NOT_UTF8: UNREADABLE,
  DUPLICATE_KEY: UNREADABLE,
  UNSAFE_NUMBER: UNREADABLE,
  LONE_SURROGATE: UNREADABLE,
  TOO_DEEP: UNREADABLE,
  LINE_TOO_LONG: UNREADABLE,
  WRONG_TYPE: UNREADABLE,
  // The signature is over the hash of what the row says. Where the row says something else, it is not signed.
  HASH_MISMATCH: UNREADABLE,
  LINK_MISMATCH: BROKEN,
  LEDGER_ORDER_MISMATCH: BROKEN,
  GAP: BROKEN,
  DUPLICATE_SEQUENCE: BROKEN,
  FORK: BROKEN,
  BAD_SIGNATURE: UNSIGNED,
  WRONG_KEY: UNSIGNED,
  EXPIRED_KEY: UNSIGNED,
  UNKNOWN_KEY: WARNING,
  FINGERPRINT_MISMATCH: UNSIGNED,
  TORN_TAIL: WARNING,
  LATE_START: NOTE,
  UNSIGNED_KEY: WARNING,
  TIME_BACKWARDS: WARNING,
  UNPINNED_KEY: NOTE,
  FRESH_KEYS: NOTE,
  RETIRED_KEY: UNSIGNED,
  REVOKED_KEY: UNSIGNED,
  PART_MISSING: BROKEN,
  TRUNCATED: INCOMPLETE,
  REWRITTEN: INCOMPLETE,
  LEDGER_MISSING: INCOMPLETE,
  BAD_CHECKPOINT: INCOMPLETE,
  UNLAWFUL_DECISION: UNLAWFUL,
  CAP_EXCEEDED: UNLAWFUL,
  POLICY_MISMATCH: UNLAWFUL,
  POLICY_REPLACED: WARNING,
  OVER_BOUND: WARNING,
};

/** The first sentence that speaks against each verdict of a file or a chain. */
export interface Faults {
  authentic?: string;
  /** Ticket of that sentence: signatures may be answered late. */
  authenticTicket?: number;
  contiguous?: string;
  complete?: string;
  lawful?: string;
}

export interface ProblemList {
  readonly faults: Faults;
  count: number;
  /** By ticket. */
  readonly listed: { readonly ticket: number; readonly problem: Problem }[];
  /** The place of the next problem in the order of the procedure. */
  nextTicket: number;
}

/** Where a problem was seen. `line` 0 stands for the file as a whole. */
export interface Place {
  readonly line: number;
  readonly sequence: number | null;
}

export function createProblemList(): ProblemList {
  return { faults: {}, count: 0, listed: [], nextTicket: 0 };
}

/**
 * Reserves the place of a problem that may be found later: the list is then the same as if it had been found now.
 * Later problems may only be such that speak against `authentic` alone: the other verdicts are looked at on the way.
 */
export function reserveTicket(list: ProblemList): number {
  return list.nextTicket++;
}

/** The problems that are listed, by line. */
export function listProblems({ listed }: ProblemList): readonly Problem[] {
  return listed.map(({ problem }) => problem).sort((a, b) => a.line - b.line);
}

/** Adds a problem to the list and to the faults of everything it speaks against. */
export function addProblem(
  list: ProblemList,
  code: ProblemCode,
  place: Place,
  message: string,
  options: {
    readonly faults?: Faults | undefined;
    readonly severity?: Severity;
    /** Where it was reserved. */
    readonly ticket?: number | undefined;
  } = {},
): void {
  const { severity, against } = WEIGHTS[code];
  const weighs = options.severity === undefined || options.severity === 'error';
  const ticket = options.ticket ?? reserveTicket(list);
  list.count++;
  insert(list, ticket, { code, severity: options.severity ?? severity, ...place, message });
  const because = place.line > 0 ? `Line ${place.line}: ${message}` : message;
  for (const verdict of weighs ? against : []) {
    blame(list.faults, verdict, because, ticket);
    if (options.faults) blame(options.faults, verdict, because, ticket);
  }
}

function insert({ listed }: ProblemList, ticket: number, problem: Problem): void {
  let at = listed.length;
  while (at > 0 && (listed[at - 1]?.ticket ?? 0) > ticket) at--;
  if (at >= MAX_LISTED_PROBLEMS) return;
  listed.splice(at, 0, { ticket, problem });
  if (listed.length > MAX_LISTED_PROBLEMS) listed.pop();
}

function blame(faults: Faults, verdict: Judged, because: string, ticket: number): void {
  if (verdict !== 'authentic') faults[verdict] ??= because;
  else if (faults.authenticTicket === undefined || ticket < faults.authenticTicket) {
    faults.authentic = because;
    faults.authenticTicket = ticket;
  }
}
