/** One receipt: each step of its verification, what it says in words, and a way to take it along. */
import type { JSX } from 'preact';
import { Icon } from '../icons.js';
import { readLine, reasonsOf, tellStory } from '../receipt/story.js';
import { StepLine } from '../receipt/verify-card.js';
import { ActionTag } from '../tag.js';
import { showText } from '../text.js';
import type { ReceiptCheck } from '../verify/receipt-steps.js';

export function SingleReceipt({
  line,
  check,
}: {
  readonly line: string;
  readonly check: ReceiptCheck;
}): JSX.Element {
  const receipt = readLine(line);
  const action = receipt?.decision.action;
  return (
    <div class="proof-single">
      <section class="card" aria-labelledby="steps-title">
        <h2 id="steps-title">Step by step</h2>
        <ol class="steps">
          {check.steps.map((step) => (
            <StepLine key={step.title} step={step} />
          ))}
        </ol>
      </section>
      {receipt && (
        <section class="card" aria-labelledby="says-title">
          <h2 id="says-title">What the receipt says</h2>
          {(action === 'allow' || action === 'block' || action === 'downgrade' || action === 'shadow') && (
            <p class="proof-action">
              <ActionTag action={action} />
            </p>
          )}
          {reasonsOf(receipt).map((reason) => (
            <p key={reason} class="proof-reason">
              {reason}
            </p>
          ))}
          {tellStory(receipt).map(({ title, facts }) => (
            <details key={title} class="facts" open={title !== 'Everything else'}>
              <summary>{title}</summary>
              <dl>
                {facts.map(([name, text]) => (
                  <div key={name}>
                    <dt>{name}</dt>
                    <dd>
                      <bdi>{text}</bdi>
                    </dd>
                  </div>
                ))}
              </dl>
            </details>
          ))}
          <details class="facts">
            <summary>The row as it is signed</summary>
            <pre tabIndex={0}>
              <code>{showText(check.canonical ?? line, 20_000)}</code>
            </pre>
          </details>
          <p class="proof-save">
            <button type="button" class="button" onClick={() => save(line)}>
              <Icon name="download" /> Save the receipt
            </button>
          </p>
        </section>
      )}
    </div>
  );
}

function save(line: string): void {
  const url = URL.createObjectURL(new Blob([`${line}\n`], { type: 'application/x-ndjson' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = 'receipt.ndjson';
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
