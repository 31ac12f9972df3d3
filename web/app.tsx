/** The dashboard's page: its frame, and the screen that the address names. */
import { useSignal } from '@preact/signals';
import { type JSX, render } from 'preact';
import { useEffect } from 'preact/hooks';
import { Banners } from './frame/banners.js';
import { HelpOverlay } from './frame/help-overlay.js';
import { LiveRegion } from './frame/live-region.js';
import { TopBar } from './frame/top-bar.js';
import { IntegrityScreen } from './integrity/integrity-screen.js';
import { LiveScreen } from './live/live-screen.js';
import { isTyping } from './live/table-keys.js';
import { PoliciesScreen } from './policies/policies-screen.js';
import { ReceiptPanel } from './receipt/receipt-panel.js';
import { SpendScreen } from './spend/spend-screen.js';
import { connection, type Feed, followStops, startFeed, status } from './state/feed.js';
import { restoreTheme } from './state/preferences.js';
import type { DataSource } from './state/source.js';
import { followAddress, go, SCREENS, view } from './state/view.js';

/** Draws the page into an element and keeps it up to date with the source. */
export function startApp(root: HTMLElement, source: DataSource): void {
  restoreTheme();
  followAddress();
  const feed = startFeed(source);
  followStops(source);
  render(<App feed={feed} />, root);
}

function App({ feed }: { readonly feed: Feed }): JSX.Element {
  const help = useSignal(false);
  const { receipt, screen } = view.value;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const at = ['1', '2', '3', '4'].indexOf(event.key);
      if (event.key === '?') help.value = true;
      else if (event.key === 'Escape') stepBack();
      else if (at >= 0) go({ screen: SCREENS[at] ?? 'live', receipt: '' });
      else return;
      event.preventDefault();
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, []);
  useEffect(() => {
    document.title = screen === 'live' ? 'agentguard' : `${screen} · agentguard`;
  }, [screen]);
  return (
    <div class={`page${receipt ? ' has-receipt' : ''}`}>
      <TopBar live={feed.source.live} onHelp={() => (help.value = true)} />
      <Banners />
      <main class="main">
        {status.value === null && connection.value === 'connecting' ? (
          <p class="loading dim">Reading the ledgers…</p>
        ) : (
          <ScreenOf feed={feed} />
        )}
      </main>
      {receipt && <ReceiptPanel feed={feed} receiptRef={receipt} />}
      <HelpOverlay open={help.value} onClose={() => (help.value = false)} />
      <LiveRegion />
    </div>
  );
}

function ScreenOf({ feed }: { readonly feed: Feed }): JSX.Element {
  switch (view.value.screen) {
    case 'live':
      return <LiveScreen feed={feed} />;
    case 'spend':
      return <SpendScreen source={feed.source} />;
    case 'integrity':
      return <IntegrityScreen source={feed.source} />;
    case 'policies':
      return <PoliciesScreen source={feed.source} />;
  }
}

/** Escape closes the receipt first; then it clears the filter. */
function stepBack(): void {
  if (view.value.receipt) {
    go({ receipt: '' });
    document.querySelector<HTMLElement>('.table')?.focus();
  } else if (view.value.q) go({ q: '' });
}
