/** One receipt, beside the list: in words, its cap arithmetic, its neighbours, its raw row, and its verification. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { ReceiptAnswer } from '../../src/core/dashboard.js';
import { printPayload } from '../../src/core/receipt.js';
import { announce } from '../frame/live-region.js';
import { Problem } from '../frame/problem.js';
import { Icon } from '../icons.js';
import { isTyping } from '../live/table-keys.js';
import { epoch, type Feed } from '../state/feed.js';
import { useResource } from '../state/resource.js';
import { go } from '../state/view.js';
import { showText } from '../text.js';
import { verifyReceipt } from '../verify/verifier.js';
import { CapTable, Facts, Headline, Neighbours, Raw } from './receipt-parts.js';
import { readLine, tellStory, textOf } from './story.js';
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
  const receipt = readLine(answer.line);
  const { state, verify } = useReceiptCheck(answer);
  return (
    <>
      {receipt ? (
        <Headline receipt={receipt} />
      ) : (
        <p class="verdict verdict-no">This row cannot be read strictly.</p>
      )}
      <VerifyCard state={state} onVerify={verify} />
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

/** The check of a receipt, started by its button or by the key `v`. */
function useReceiptCheck({ line, before, chainBefore }: ReceiptAnswer): {
  readonly state: CheckState;
  readonly verify: () => void;
} {
  const state = useSignal<CheckState>({ kind: 'idle' });
  const verify = (): void => {
    state.value = { kind: 'running' };
    verifyReceipt({ line, before, chainBefore }).then(
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
  return { state: state.value, verify };
}
