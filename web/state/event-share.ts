/**
 * One event stream for all tabs of an origin. Browsers open at most six connections to a plain-http host, so ten tabs
 * with a stream each would lock each other out. The tab that holds a Web Lock reads; the others hear it by broadcast;
 * when it closes, the lock passes to another one.
 */
import type { DashboardEvent } from '../../src/core/dashboard.js';
import type { SourceEvent } from './source.js';

const NAME = 'agentguard-events';
const KINDS = ['rows', 'index', 'ledger', 'lost'] as const;
const RETRY_MS = [500, 1000, 2000, 5000] as const;

type Message = SourceEvent | { readonly kind: 'ask' };
type Listener = (event: SourceEvent) => void;

/** Hears the stream at `url` until the returned function is called. */
export function shareEvents(url: string, listener: Listener): () => void {
  // Without locks (an http address that is not this machine's) each tab reads for itself.
  if (!globalThis.navigator?.locks || !globalThis.BroadcastChannel) return readEvents(url, listener);
  const channel = new BroadcastChannel(NAME);
  const stop = new AbortController();
  let known: SourceEvent | undefined;
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.kind !== 'ask') listener(data);
    else if (known) channel.postMessage(known);
  };
  channel.postMessage({ kind: 'ask' });
  lead(stop.signal, () =>
    readEvents(url, (event) => {
      if (event.kind === 'up' || event.kind === 'down') known = event;
      channel.postMessage(event);
      listener(event);
    }),
  );
  return () => {
    stop.abort();
    channel.close();
  };
}

/** Reads while this tab holds the lock: until it is told to stop, or closed. */
function lead(signal: AbortSignal, read: () => () => void): void {
  navigator.locks
    .request(NAME, { signal }, async () => {
      const close = read();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      close();
    })
    .catch(() => undefined);
}

/** An `EventSource` that never gives up: browsers stop retrying once a server has answered with an error. */
function readEvents(url: string, listener: Listener): () => void {
  let stream: EventSource;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  const open = (): void => {
    stream = new EventSource(url);
    stream.onopen = () => {
      failures = 0;
      listener({ kind: 'up' });
    };
    stream.onerror = () => {
      stream.close();
      listener({ kind: 'down' });
      timer = setTimeout(open, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
    };
    for (const kind of KINDS)
      stream.addEventListener(kind, ({ data }) =>
        listener({ ...(JSON.parse(data) as DashboardEvent), kind } as DashboardEvent),
      );
  };
  open();
  return () => {
    clearTimeout(timer);
    stream.close();
  };
}
