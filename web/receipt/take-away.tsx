/** Ways out of the page: copy the row, download it, check it in a terminal, link to it. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { encodeUtf8 } from '../../src/core/bytes.js';
import type { ReceiptAnswer } from '../../src/core/dashboard.js';
import { encodeShareFragment } from '../../src/core/share-link.js';
import { announce } from '../frame/live-region.js';
import { Icon } from '../icons.js';
import { canDeflate, deflate } from '../verify-page/compression.js';

const UUID = /^[0-9a-f-]{36}$/i;

export function TakeAway({
  answer,
  decisionId,
}: {
  readonly answer: ReceiptAnswer;
  readonly decisionId: string;
}): JSX.Element {
  // Text from a row never becomes part of a command, unless it is an id by its form.
  const isId = UUID.test(decisionId);
  const command = isId ? `agentguard verify --trace ${decisionId}` : 'agentguard verify --trace latest';
  const share = `agentguard receipt ${decisionId} --html --out receipt.html`;
  return (
    <section class="facts take-away">
      <h3>Take it elsewhere</h3>
      <p class="buttons">
        <CopyButton title="Copy row" text={answer.line} />
        <button type="button" class="button" onClick={() => download(answer.line)}>
          <Icon name="download" /> Download
        </button>
        {location.protocol !== 'file:' && <CopyButton title="Copy link" text={location.href} />}
        {canDeflate() && location.protocol !== 'file:' && (
          <CopyButton title="Copy verify link" text={() => makeShareLink(answer.line)} />
        )}
      </p>
      <p class="command">
        <code>{command}</code> <CopyButton title="Copy command" text={command} small />
      </p>
      <p class="dim">The command does the same in a terminal, without this page and its server.</p>
      {isId && (
        <>
          <p class="command">
            <code>{share}</code> <CopyButton title="Copy command for sharing" text={share} small />
          </p>
          <p class="dim">
            Links lead to this machine. This one makes a file for somebody elsewhere: the receipt, its proof
            and the page that verifies them.
          </p>
        </>
      )}
    </section>
  );
}

function CopyButton({
  title,
  text,
  small = false,
}: {
  readonly title: string;
  readonly text: string | (() => Promise<string>);
  readonly small?: boolean;
}): JSX.Element {
  const done = useSignal(false);
  const copy = async (): Promise<void> => {
    const copied = typeof text === 'string' ? text : await text();
    await navigator.clipboard.writeText(copied).catch(() => announce('The browser did not allow copying.'));
    done.value = true;
    setTimeout(() => (done.value = false), 1500);
  };
  return (
    <button
      type="button"
      class={small ? 'icon-button' : 'button'}
      aria-label={small ? title : undefined}
      onClick={() => void copy()}
    >
      <Icon name={done.value ? 'allow' : 'copy'} />
      {!small && (done.value ? 'Copied' : title)}
    </button>
  );
}

/** The page that verifies, with the row in the part of the address that no server sees. */
async function makeShareLink(line: string): Promise<string> {
  const fragment = await encodeShareFragment({ kind: 'receipt', bytes: encodeUtf8(line) }, deflate);
  return `${new URL('/verify', location.href).href}#${fragment}`;
}

/** The row with its line feed: a file that `agentguard verify` takes. */
function download(line: string): void {
  const url = URL.createObjectURL(new Blob([`${line}\n`], { type: 'application/x-ndjson' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = 'receipt.ndjson';
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
