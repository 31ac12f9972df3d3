/** The four verdicts and their evidence, from what was counted (docs/receipt-format.md, verdicts). */
import type { Faults } from './problem-list.js';
import type { Answer, Verdict, Verdicts } from './report.js';

/** What the verdicts of a file, a chain or a single receipt are made from. */
export interface Evidence {
  readonly faults: Faults;
  readonly rows: number;
  readonly keys: number;
  /** Keys that the verifier did not bring. */
  readonly unpinnedKeys: number;
  /** Rows whose key is not known, so that nobody checked their signature. */
  readonly uncheckedRows: number;
  /** Rows before the last of their chain, whose signatures were left out on purpose. */
  readonly skippedRows: number;
  /** Whether the verifier was asked to leave things out. */
  readonly isQuick: boolean;
  /** Why the row order is not fully shown although nothing contradicts it. */
  readonly unseen: string | undefined;
  /** The evidence when it is. */
  readonly unbroken: string;
  /** What the checkpoints that were brought show; absent when none was. */
  readonly complete?: Verdict | undefined;
  /** What deciding again shows; absent when no policies were brought. */
  readonly lawful?: Verdict | undefined;
}

const NO_CHECKPOINT: Verdict = {
  answer: 'unknown',
  because: 'No checkpoint was brought from elsewhere, so rows cut from the end would not show.',
};
const NO_POLICY: Verdict = {
  answer: 'unknown',
  because: 'No policies were brought, so no decision was made again.',
};
const QUICK_LAWFUL: Verdict = { answer: 'unknown', because: 'Quick: no decision was made again.' };
const NO_ROWS: Verdict = { answer: 'unknown', because: 'There are no rows to judge.' };

export function judge(evidence: Evidence): Verdicts {
  return {
    authentic: judgeAuthentic(evidence),
    contiguous: judgeContiguous(evidence),
    complete: judgeComplete(evidence),
    lawful: judgeLawful(evidence),
  };
}

/** One verdict for several files: the worst, with the evidence of the first file that has it. */
export function combineVerdicts(
  parts: readonly { readonly name: string; readonly verdicts: Verdicts }[],
): Verdicts {
  return {
    authentic: worst(parts.map(({ name, verdicts }) => ({ name, verdict: verdicts.authentic }))),
    contiguous: worst(parts.map(({ name, verdicts }) => ({ name, verdict: verdicts.contiguous }))),
    complete: worst(parts.map(({ name, verdicts }) => ({ name, verdict: verdicts.complete }))),
    lawful: worst(parts.map(({ name, verdicts }) => ({ name, verdict: verdicts.lawful }))),
  };
}

/** Whether no verdict is "no". */
export function isOk(verdicts: Verdicts): boolean {
  return Object.values(verdicts).every((verdict: Verdict) => verdict.answer !== 'no');
}

function judgeAuthentic(evidence: Evidence): Verdict {
  const { faults, rows, keys, unpinnedKeys, uncheckedRows, skippedRows } = evidence;
  if (faults.authentic !== undefined) return { answer: 'no', because: faults.authentic };
  if (rows === 0) return NO_ROWS;
  if (uncheckedRows > 0) {
    const what = `${count(uncheckedRows, 'row')} of ${rows}`;
    return {
      answer: 'unknown',
      because: `The key of ${what} was not known when they were read, so those signatures were not checked.`,
    };
  }
  if (skippedRows > 0) {
    const checked = `(${rows - skippedRows} of ${rows})`;
    return {
      answer: 'unknown',
      because: `Quick: only the last signature of each chain was checked ${checked}, and found valid; the rows before hang on it by their hashes, and their own signatures were not looked at.`,
    };
  }
  if (unpinnedKeys > 0) {
    const whose =
      keys === 1 ? 'nobody here knows whose it is' : `nobody here knows whose ${unpinnedKeys} of them are`;
    return {
      answer: 'unknown',
      because: `${validText(rows)} under ${count(keys, 'key')} named by the rows themselves; ${whose}.`,
    };
  }
  return { answer: 'yes', because: `${validText(rows)} under ${count(keys, 'pinned key')}.` };
}

function judgeComplete({ faults, complete }: Evidence): Verdict {
  if (faults.complete !== undefined) return { answer: 'no', because: faults.complete };
  return complete ?? NO_CHECKPOINT;
}

function judgeLawful({ faults, rows, lawful, isQuick }: Evidence): Verdict {
  if (faults.lawful !== undefined) return { answer: 'no', because: faults.lawful };
  if (isQuick && !lawful) return QUICK_LAWFUL;
  return rows === 0 ? NO_ROWS : (lawful ?? NO_POLICY);
}

function judgeContiguous({ faults, rows, uncheckedRows, unseen, unbroken }: Evidence): Verdict {
  if (faults.contiguous !== undefined) return { answer: 'no', because: faults.contiguous };
  if (rows === 0) return NO_ROWS;
  // Hashes and links alone can be made by anybody: without signatures they show no order that anyone stands for.
  if (uncheckedRows > 0) {
    const what = count(uncheckedRows, 'row');
    return {
      answer: 'unknown',
      because: `Hashes and links agree, but the signatures of ${what} were not checked, so anybody could have made them.`,
    };
  }
  if (unseen !== undefined) return { answer: 'unknown', because: unseen };
  return { answer: 'yes', because: unbroken };
}

function worst(parts: readonly { readonly name: string; readonly verdict: Verdict }[]): Verdict {
  const answers: readonly Answer[] = ['no', 'unknown', 'yes'];
  for (const answer of answers) {
    const same = parts.filter(({ verdict }) => verdict.answer === answer);
    const [first] = same;
    if (first && parts.length === 1) return first.verdict;
    if (first)
      return { answer, because: `${first.name}: ${first.verdict.because}${othersText(same.length - 1)}` };
  }
  return { answer: 'unknown', because: 'There are no files to judge.' };
}

function othersText(others: number): string {
  return others === 0 ? '' : ` (and ${count(others, 'other file')})`;
}

function validText(rows: number): string {
  return rows === 1 ? 'The signature is valid' : `All ${rows} signatures are valid`;
}

/** `1 row`, `2 rows`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
