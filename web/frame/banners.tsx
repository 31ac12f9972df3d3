/** What must be known on every screen: no connection, a stop, a broken ledger, an index that is being filled. */
import type { JSX } from 'preact';
import { Icon } from '../icons.js';
import { connection, status, stops } from '../state/feed.js';
import { showBytes, showText } from '../text.js';
import { showTime } from '../time.js';

export function Banners(): JSX.Element {
  const known = status.value;
  const broken = known?.ledgers.filter(({ condition }) => condition !== 'ok' && condition !== 'empty') ?? [];
  return (
    <div class="banners">
      <ConnectionBanner />
      {stops.value.map((stop) => (
        <p key={stop.scope} class="banner banner-block" role="alert">
          <Icon name="block" />
          <span>
            <b>
              Stopped: <bdi>{showText(stop.scope)}</bdi>
            </b>{' '}
            since {showTime(stop.sinceMs, Date.now())}. Every call is refused
            {stop.reason && <>, because “{showText(stop.reason)}”</>}. <code>agentguard resume</code> lifts
            it.
          </span>
        </p>
      ))}
      {broken.map((ledger) => (
        <p key={ledger.scope} class="banner banner-warn" role="alert">
          <Icon name="warn" />
          <span>
            <b>
              Ledger <bdi>{showText(ledger.scope)}</bdi> is {ledger.condition}.
            </b>{' '}
            {showText(ledger.note ?? '')}
          </span>
        </p>
      ))}
      <IndexBanner />
    </div>
  );
}

function ConnectionBanner(): JSX.Element | null {
  switch (connection.value) {
    case 'down':
      return (
        <p class="banner banner-warn" role="alert">
          <Icon name="warn" />
          <span>
            <b>Disconnected.</b> Trying again; what happens meanwhile will be here once the server answers. If
            it was stopped, <code>agentguard serve</code> starts it.
          </span>
        </p>
      );
    case 'expired':
      return (
        <p class="banner banner-block" role="alert">
          <Icon name="block" />
          <span>
            <b>This browser is not let in.</b> Type <code>agentguard serve</code> in a terminal on this
            machine: it opens the page with a fresh link.
          </span>
        </p>
      );
    default:
      return null;
  }
}

function IndexBanner(): JSX.Element | null {
  const index = status.value?.index;
  if (!index || index.doneBytes >= index.totalBytes) return null;
  const percent = Math.floor((100 * index.doneBytes) / index.totalBytes);
  return (
    <div class="banner banner-index">
      <span>
        Older receipts are being read: <span class="num">{percent} %</span> of {showBytes(index.totalBytes)}.
        Sums and counts grow until then.
      </span>
      <progress max={100} value={percent} aria-label="Reading older receipts" />
    </div>
  );
}
