/** Keys and the filter language on one card. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Icon } from '../icons.js';

const KEYS: readonly (readonly [string, string])[] = [
  ['/', 'write a filter'],
  ['j k ↓ ↑', 'next and previous row'],
  ['← →', 'move between the cells of a row'],
  ['Enter', 'open the receipt'],
  ['v', 'verify the open receipt'],
  ['f', 'filter by the cell; F leaves its value out'],
  ['c', 'show the row in context: without the filter'],
  ['g', 'jump to a row by its number'],
  ['p', 'pause and resume'],
  ['1 2 3 4', 'Live, Spend, Integrity, Policies'],
  ['Esc', 'close, clear, go back'],
  ['?', 'this card'],
];
const FILTERS: readonly (readonly [string, string])[] = [
  ['action:block', 'one field, one value'],
  ['model:anthropic/*', '* is any text'],
  ['user:alice,bob', 'either of them'],
  ['-team:research', 'without'],
  ['cost:>0.05', 'exact amounts in US dollars'],
  ['since:2h until:today', 'times'],
  ['opus or haiku', 'a bare word is looked for everywhere'],
];

export function HelpOverlay({
  open,
  onClose,
}: {
  readonly open: boolean;
  readonly onClose: () => void;
}): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog class="help" ref={dialog} aria-labelledby="help-title" onClose={onClose}>
      <header>
        <h2 id="help-title">Keys and filters</h2>
        <button type="button" class="icon-button" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <div class="help-columns">
        <Card title="Keys" entries={KEYS} />
        <Card title="Filters" entries={FILTERS} />
      </div>
    </dialog>
  );
}

function Card({ title, entries }: { readonly title: string; readonly entries: typeof KEYS }): JSX.Element {
  return (
    <section>
      <h3>{title}</h3>
      <dl>
        {entries.map(([what, says]) => (
          <div key={what}>
            <dt>
              <kbd>{what}</kbd>
            </dt>
            <dd>{says}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
