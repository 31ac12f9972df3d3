/** The parts of a receipt as it is shown. Every text was made safe to show by story.ts or `showText`. */
import type { JSX } from 'preact';
import type { RecordAction } from '../../src/core/call-record.js';
import type { ReceiptAnswer } from '../../src/core/dashboard.js';
import type { Receipt } from '../../src/core/receipt.js';
import { go } from '../state/view.js';
import { ActionTag } from '../tag.js';
import { shortHex, showText } from '../text.js';
import { capLines, readLine, reasonsOf, type StoryPart, textOf } from './story.js';

const ACTIONS: readonly string[] = ['allow', 'downgrade', 'shadow', 'block'];

/** What was decided about which model, and why. */
export function Headline({ receipt }: { readonly receipt: Receipt }): JSX.Element {
  const { decision } = receipt;
  const entryType = textOf(decision, 'entryType');
  const action = textOf(decision, 'action');
  const reasons = reasonsOf(receipt);
  return (
    <div class="headline">
      <p>
        <ActionTag action={(ACTIONS.includes(action) && !entryType ? action : 'control') as RecordAction} />{' '}
        {entryType && <b>{entryType}</b>}{' '}
        <bdi class="headline-model">{textOf(decision, 'modelResolved')}</bdi>
      </p>
      {reasons.length > 0 && (
        <ul class="reasons">
          {reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** Each cap that was looked at: spent, held, what this call adds, the limit. */
export function CapTable({ receipt }: { readonly receipt: Receipt }): JSX.Element | null {
  const lines = capLines(receipt);
  if (lines.length === 0) return null;
  return (
    <section class="facts">
      <h3>Cap arithmetic</h3>
      <div class="scroll-x" tabIndex={0} role="region" aria-label="Cap arithmetic">
        <table class="caps">
          <thead>
            <tr>
              <th scope="col">Cap</th>
              <th scope="col">spent</th>
              <th scope="col">+ held</th>
              <th scope="col">+ this</th>
              <th scope="col" />
              <th scope="col">limit</th>
            </tr>
          </thead>
          <tbody>
            {lines.map((line) => (
              <tr key={`${line.cap} ${line.key} ${line.limit}`} class={line.tripped ? 'tripped' : ''}>
                <th scope="row" title={line.key}>
                  {line.cap}
                </th>
                <td class="num">{line.spent}</td>
                <td class="num">{line.held}</td>
                <td class="num">{line.adds}</td>
                <td>{line.tripped ? '> over' : '≤'}</td>
                <td class="num">{line.limit}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** One part of the story. "Everything else" is folded. */
export function Facts({ part }: { readonly part: StoryPart }): JSX.Element {
  const list = (
    <dl>
      {part.facts.map(([name, text]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <bdi>{text}</bdi>
          </dd>
        </div>
      ))}
    </dl>
  );
  if (part.title !== 'Everything else')
    return (
      <section class="facts">
        <h3>{part.title}</h3>
        {list}
      </section>
    );
  return (
    <details class="facts">
      <summary>{part.title}</summary>
      {list}
    </details>
  );
}

/** The rows before and after it in its chain, and the other rows about the same call. */
export function Neighbours({
  answer,
  receipt,
}: {
  readonly answer: ReceiptAnswer;
  readonly receipt: Receipt | undefined;
}): JSX.Element {
  const after = answer.chainAfter === null ? undefined : readLine(answer.chainAfter);
  return (
    <section class="facts">
      <h3>Its chain</h3>
      <ol class="chain">
        <li>
          <span class="dim">before</span> <code>{shortHex(receipt?.previousHash ?? '')}</code>
        </li>
        <li>
          <b>row {receipt?.sequence ?? '?'}</b> <code>{shortHex(receipt?.entryHash ?? '')}</code>
        </li>
        <li>
          <span class="dim">after</span>{' '}
          {after ? (
            <code>{shortHex(after.entryHash)}</code>
          ) : (
            <span class="dim">nothing yet: the head of its chain</span>
          )}
        </li>
      </ol>
      {answer.related.length > 0 && (
        <p>
          About the same call:{' '}
          {answer.related.map(({ ref, row, line }) => (
            <button key={ref} type="button" class="link" onClick={() => go({ receipt: ref })}>
              row {row}
              {textOf(readLine(line)?.decision ?? {}, 'entryType') &&
                `, ${textOf(readLine(line)?.decision ?? {}, 'entryType')}`}
            </button>
          ))}
        </p>
      )}
    </section>
  );
}

/** A text as it is, folded. */
export function Raw({
  title,
  text,
  note,
}: {
  readonly title: string;
  readonly text: string;
  readonly note: string;
}): JSX.Element {
  return (
    <details class="facts raw">
      <summary>
        {title} <span class="dim">{note}</span>
      </summary>
      <pre tabIndex={0}>
        <code>{showText(text, 100_000)}</code>
      </pre>
    </details>
  );
}
