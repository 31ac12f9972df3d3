/** One receipt, beside the list: in words, its cap arithmetic, its neighbours, its raw row, and its verification. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { RecordAction } from '../../src/core/call-record.js';
import type { ReceiptAnswer } from '../../src/core/dashboard.js';
import { printPayload, type Receipt } from '../../src/core/receipt.js';
import { announce } from '../frame/live-region.js';
import { Problem } from '../frame/problem.js';
import { Icon } from '../icons.js';
import { isTyping } from '../live/table-keys.js';
import { epoch, type Feed } from '../state/feed.js';
import { useResource } from '../state/resource.js';
import { go } from '../state/view.js';
import { ActionTag } from '../tag.js';
import { shortHex, showText } from '../text.js';
import { verifyReceipt } from '../verify/verifier.js';
import { capLines, readLine, reasonsOf, type StoryPart, tellStory, textOf } from './story.js';
import { TakeAway } from './take-away.js';
import { type CheckState, VerifyCard } from './verify-card.js';

export function ReceiptPanel({
  feed,
  receiptRef,
}: {
  readonly feed: Feed;
  readonly receiptRef: string;
}): JSX.Element {
  const { value, error, loading } = useResource(
    () => feed.source.receipt(receiptRef),
    [receiptRef, epoch.value],
  );
  const panel = useRef<HTMLElement>(null);
  const answer = value?.ref === receiptRef ? value : undefined;
  useEffect(() => panel.current?.focus(), []);
  return (
    <aside class="receipt" aria-label="Receipt" tabIndex={-1} ref={panel}>
      <header class="receipt-head">
        <h2>Receipt</h2>
        {answer && (
          <span class="dim num">
            <bdi>{showText(answer.scope, 60)}</bdi> · row {answer.row}
          </span>
        )}
        <button
          type="button"
          class="icon-button"
          aria-label="Close the receipt"
          onClick={() => go({ receipt: '' })}
        >
          <Icon name="close" />
        </button>
      </header>
      <div class="receipt-body">
        {error && !loading && <Problem error={error} />}
        {!answer && loading && <p class="dim">Reading…</p>}
        {answer && <ReceiptBody key={answer.ref} answer={answer} />}
      </div>
    </aside>
  );
}

function ReceiptBody({ answer }: { readonly answer: ReceiptAnswer }): JSX.Element {
  const state = useSignal<CheckState>({ kind: 'idle' });
  const receipt = readLine(answer.line);
  const verify = (): void => {
    state.value = { kind: 'running' };
    verifyReceipt({ line: answer.line, before: answer.before, chainBefore: answer.chainBefore }).then(
      (check) => {
        state.value = { kind: 'done', check };
        announce(check.ok ? 'The receipt is verified.' : 'The receipt is refused.');
      },
      (error: Error) => {
        state.value = { kind: 'failed', message: error.message };
      },
    );
  };
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key === 'v' && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping(event.target))
        verify();
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, []);
  return (
    <>
      {receipt ? (
        <Headline receipt={receipt} />
      ) : (
        <p class="verdict verdict-no">This row cannot be read strictly.</p>
      )}
      <VerifyCard state={state.value} onVerify={verify} />
      {receipt && <CapTable receipt={receipt} />}
      {receipt && tellStory(receipt).map((part) => <Facts key={part.title} part={part} />)}
      <Neighbours answer={answer} receipt={receipt} />
      <Raw title="Raw row" text={answer.line} note={`${answer.file}, as it lies there`} />
      {receipt && (
        <Raw
          title="Canonical bytes"
          text={printPayload(receipt)}
          note="what is hashed, and what the signature is over"
        />
      )}
      <TakeAway answer={answer} decisionId={receipt ? textOf(receipt.decision, 'decisionId') : ''} />
    </>
  );
}

const ACTIONS: readonly string[] = ['allow', 'downgrade', 'shadow', 'block'];

function Headline({ receipt }: { readonly receipt: Receipt }): JSX.Element {
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

function CapTable({ receipt }: { readonly receipt: Receipt }): JSX.Element | null {
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

function Facts({ part }: { readonly part: StoryPart }): JSX.Element {
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

function Neighbours({
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

function Raw({
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
