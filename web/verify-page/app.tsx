/** The page that verifies receipts for somebody who was handed them: what to give, what came of it, what stays open. */
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { Icon } from '../icons.js';
import { countOf, showBytes, showCount, showText } from '../text.js';
import type { EnclosedFile } from './enclosed.js';
import { GiveCard } from './give-card.js';
import { HowItWorks } from './how-it-works.js';
import { ResultView } from './result-view.js';
import { cameAlong, cancel, linkFault, type Run, run, takeAlong, takeFragment } from './state.js';

export function VerifyApp({
  enclosed,
  fragment,
}: {
  readonly enclosed: readonly EnclosedFile[];
  readonly fragment: string;
}): JSX.Element {
  useEffect(() => {
    void takeAlong(enclosed, fragment);
    const onHash = (): void => void takeFragment(location.hash);
    addEventListener('hashchange', onHash);
    // This runs after the first frame: another link may have been followed meanwhile.
    if (location.hash !== fragment) onHash();
    return () => removeEventListener('hashchange', onHash);
  }, []);
  return (
    <div class="proof-page">
      <header class="proof-head">
        <Icon name="shield" />
        <div>
          <h1>Verify receipts</h1>
          <p class="dim">
            For receipts that <b>agentguard</b> wrote about calls to AI models: who signed them, whether
            anything was changed or removed, and whether the spend limits held.
          </p>
        </div>
      </header>
      <aside class="proof-private">
        <Icon name="block" />
        <span>
          <b>This page cannot send anything.</b> Its own content policy (<code>connect-src 'none'</code>)
          makes the browser refuse every request. What you give it stays in this window.
        </span>
      </aside>
      <main>
        <Along />
        {/* Who was sent a receipt wants its answer first. */}
        {cameAlong.value !== undefined && <RunView state={run.value} />}
        <GiveCard />
        {cameAlong.value === undefined && <RunView state={run.value} />}
        <HowItWorks />
      </main>
      <footer class="proof-foot dim">
        Take this page from the project that makes it, not from whoever is audited: a forged page can say
        anything. The SHA-256 of its file is printed with each release and by{' '}
        <code>agentguard verify-page</code>.
      </footer>
    </div>
  );
}

function Along(): JSX.Element | null {
  if (linkFault.value)
    return (
      <p class="verdict verdict-no" role="alert">
        <Icon name="warn" />
        <span>
          <b>The link cannot be used.</b> {showText(linkFault.value)}
        </span>
      </p>
    );
  if (cameAlong.value === 'file')
    return (
      <p class="proof-note">
        This file came with a receipt inside, from whoever made it. To be sure of the page itself, take it
        from the project and give it the receipt: “Save the receipt” below.
      </p>
    );
  if (cameAlong.value === 'link')
    return (
      <p class="proof-note">
        The receipt came in the part of the address after <code>#</code>, which browsers send to no server.
      </p>
    );
  return null;
}

function RunView({ state }: { readonly state: Run }): JSX.Element | null {
  switch (state.kind) {
    case 'idle':
      return null;
    case 'failed':
      return (
        <p class="verdict verdict-no" role="alert">
          <Icon name="warn" /> <span>{showText(state.message)}</span>
        </p>
      );
    case 'running':
      return <RunProgress state={state} />;
    case 'done':
      return <ResultView result={state.result} />;
  }
}

function RunProgress({ state }: { readonly state: Run & { kind: 'running' } }): JSX.Element {
  const { rows = 0, bytes = 0, totalBytes = 1 } = state.progress ?? {};
  return (
    <section class="card proof-run" aria-label="Progress">
      <progress max={totalBytes} value={bytes} aria-label="Bytes verified" />
      <span class="num">
        {countOf(rows, 'row')}, {showBytes(bytes)} of {showBytes(totalBytes)} (
        {showCount(Math.floor((100 * bytes) / Math.max(1, totalBytes)))} %)
      </span>
      <button type="button" class="button" onClick={cancel}>
        <Icon name="close" /> Cancel
      </button>
    </section>
  );
}
