/** What was not checked, and what would: an answer without this list claims too much. */
import type { JSX } from 'preact';
import type { Verdicts } from '../../src/core/report.js';

export function OpenQuestions({
  verdicts,
  isSingle,
}: {
  readonly verdicts: Verdicts;
  readonly isSingle: boolean;
}): JSX.Element {
  return (
    <section class="card proof-open" aria-labelledby="open-title">
      <h2 id="open-title">What this does not show</h2>
      <ul>
        {listOpen(verdicts, isSingle).map(([what, remedy]) => (
          <li key={what}>
            <b>{what}</b> {remedy}
          </li>
        ))}
      </ul>
    </section>
  );
}

function listOpen(verdicts: Verdicts, isSingle: boolean): readonly (readonly [string, string])[] {
  const open: (readonly [string, string])[] = [];
  if (verdicts.authentic.answer === 'unknown')
    open.push([
      'Whose key it is.',
      'Ask its owner for the 64 digits by another way than the one the receipts came by, and put them in above.',
    ]);
  if (verdicts.contiguous.answer === 'unknown')
    open.push([
      isSingle ? 'What happened before and after this receipt.' : 'What stands before the first row seen.',
      'The whole ledger, from its first row, would show it.',
    ]);
  if (verdicts.complete.answer === 'unknown')
    open.push([
      'Whether rows were cut off the end.',
      'A checkpoint that was kept somewhere else than the ledger would show it: give it together with the ledger.',
    ]);
  if (verdicts.lawful.answer === 'unknown')
    open.push([
      'Whether each decision follows from its policy.',
      'The policies (the folder “policies” beside the ledger, or a bundle with them inside) would show it.',
    ]);
  open.push(
    [
      'Calls that never reached the guard.',
      'A program that calls a model without it leaves no receipt; the provider’s bill would show those.',
    ],
    [
      'Whether what was signed is true.',
      'Names of users and tasks are what the program claimed; the time is that of its clock; the cost is what the provider answered.',
    ],
  );
  return open;
}
