/** Runs the live view: the alternate screen, keys, a redraw when something changed, and a clean terminal afterwards. */
import { writeSync } from 'node:fs';
import { type Key as InkKey, render, useApp, useInput } from 'ink';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { GaugeFold } from '../core/cap-gauges.js';
import type { CapGauge } from '../core/dashboard.js';
import { type FeedSink, followCalls, type WatchedPlace } from './watch-feed.js';
import {
  createRecordKeeper,
  createWatchState,
  type Key,
  pressKey,
  type RecordKeeper,
  type WatchState,
} from './watch-model.js';
import { measurePage, WatchView } from './watch-view.js';

export interface WatchOptions {
  readonly filter: string;
  /** Makes text from ledgers harmless in a terminal. */
  readonly escapeText: (text: string) => string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** Ledgers that are there now; asked again and again. */
  readonly listPlaces: () => Promise<readonly WatchedPlace[]>;
}

const ENTER_SCREEN = '\u001b[?1049h\u001b[2J\u001b[H';
/** Leaves the alternate screen, shows the cursor, resets the look. */
const LEAVE_SCREEN = '\u001b[0m\u001b[?25h\u001b[?1049l';
const REDRAW_MS = 120;
/** Spans of time on the screen grow old by themselves. */
const CLOCK_MS = 1000;
const LOOK_MS = 2000;
const SIGNALS = { SIGTERM: 15, SIGHUP: 1 } as const;

/**
 * Shows the view on the terminal of this process until the user quits or the signal. However it ends, also by a signal or
 * an error, the terminal is as it was.
 */
export async function runWatch(options: WatchOptions): Promise<void> {
  const feed = startFeed(options);
  let isRestored = false;
  const restore = (): void => {
    if (isRestored) return;
    isRestored = true;
    // Raw mode first: what is typed from here on belongs to the shell.
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    try {
      writeSync(1, LEAVE_SCREEN);
    } catch {
      // The terminal is gone.
    }
  };
  const handlers = Object.entries(SIGNALS).map(([name, number]) => {
    const handler = (): void => {
      restore();
      process.exit(128 + number);
    };
    process.prependListener(name as NodeJS.Signals, handler);
    return () => process.off(name, handler);
  });
  process.on('exit', restore);
  writeSync(1, ENTER_SCREEN);
  const view = render(<Watch {...options} feed={feed} />, { exitOnCtrlC: false, patchConsole: false });
  const quit = (): void => view.unmount();
  options.signal.addEventListener('abort', quit);
  try {
    await view.waitUntilExit();
  } finally {
    options.signal.removeEventListener('abort', quit);
    view.unmount();
    feed.stop();
    restore();
    process.off('exit', restore);
    for (const remove of handlers) remove();
  }
}

interface Feed {
  readonly keeper: RecordKeeper;
  readonly gauges: ReadonlyMap<string, GaugeFold>;
  readonly reading: ReadonlySet<string>;
  readonly note: () => string;
  /** Grows with every change. */
  readonly version: () => number;
  stop(): void;
}

function startFeed({ listPlaces, signal }: WatchOptions): Feed {
  const ended = new AbortController();
  const keeper = createRecordKeeper();
  const gauges = new Map<string, GaugeFold>();
  const reading = new Set<string>();
  const followed = new Set<string>();
  let [version, note] = [0, ''];
  const sink: FeedSink = {
    onRecord(record, isFinal) {
      keeper.put(record, isFinal);
      version++;
    },
    onGauges: (scope, fold) => void gauges.set(scope, fold),
    onReady(scope) {
      reading.delete(scope);
      version++;
    },
    onRestart(scope, why) {
      keeper.forget(scope);
      gauges.delete(scope);
      note = `${scope}: ${why}; reading it again`;
      version++;
    },
  };
  const look = async (): Promise<void> => {
    for (const place of await listPlaces().catch(() => [])) {
      if (followed.has(place.path)) continue;
      followed.add(place.path);
      reading.add(place.scope);
      void followCalls(place, sink, ended.signal);
    }
    version++;
  };
  void look();
  const timer = setInterval(() => void look(), LOOK_MS);
  const stop = (): void => {
    clearInterval(timer);
    ended.abort();
  };
  signal.addEventListener('abort', stop, { once: true });
  return {
    keeper,
    gauges,
    reading,
    note: () => note,
    version: () => version,
    stop,
  };
}

/** Follows the size of the terminal. What was drawn for another size is wiped, once. */
function useSize(): { readonly columns: number; readonly rows: number } {
  const measure = () => ({ columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 });
  const [size, setSize] = useState(measure);
  useEffect(() => {
    const resize = (): void => {
      process.stdout.write('\u001b[2J\u001b[H');
      setSize(measure());
    };
    process.stdout.prependListener('resize', resize);
    return () => void process.stdout.off('resize', resize);
  });
  return size;
}

/** The time, whenever something changed or a second has passed. */
function useChanges(feed: Feed, now: () => number): number {
  const [nowMs, setNow] = useState(now);
  const seen = useRef({ version: -1, atMs: 0 });
  useEffect(() => {
    const timer = setInterval(() => {
      const [version, atMs] = [feed.version(), now()];
      if (version === seen.current.version && Math.abs(atMs - seen.current.atMs) < CLOCK_MS) return;
      seen.current = { version, atMs };
      setNow(atMs);
    }, REDRAW_MS);
    return () => clearInterval(timer);
  }, [feed, now]);
  return nowMs;
}

interface WatchProps extends WatchOptions {
  readonly feed: Feed;
}

function Watch({ feed, filter, escapeText, now }: WatchProps): ReactNode {
  const [kept, setState] = useState<WatchState>(() => createWatchState(filter, now()));
  const nowMs = useChanges(feed, now);
  const { columns, rows } = useSize();
  const { exit } = useApp();
  const state: WatchState = { ...kept, records: feed.keeper.list() };
  const gauges = listGauges(feed, nowMs);
  useInput((input, key) => {
    const page = measurePage(rows, gauges.length);
    setState((before) => {
      const records = feed.keeper.list();
      return readKeys(input, key).reduce<WatchState>((state, one) => pressKey(state, one, page, now()), {
        ...before,
        records,
      });
    });
  });
  useEffect(() => {
    if (kept.isDone) exit();
  }, [kept.isDone, exit]);
  return (
    <WatchView
      state={state}
      sums={state.query.kind === 'all' ? feed.keeper.total() : feed.keeper.sum(state.query)}
      gauges={gauges}
      stopped={[...feed.gauges].filter(([, fold]) => fold.controls.findStop()).map(([scope]) => scope)}
      scopes={[...feed.gauges.keys()].sort()}
      isReading={feed.reading.size > 0}
      note={feed.note()}
      nowMs={nowMs}
      columns={columns}
      rows={rows}
      escapeText={escapeText}
    />
  );
}

/** Of all ledgers, the fullest first. */
function listGauges({ gauges }: Feed, nowMs: number): readonly CapGauge[] {
  return [...gauges.values()].flatMap((fold) => fold.list(nowMs)).sort((a, b) => b.share - a.share);
}

/** Keys of Ink as the model knows them. What was typed fast, or pasted, comes in one piece. */
function readKeys(input: string, key: InkKey): readonly Key[] {
  const name = KEY_NAMES.find(([flag]) => key[flag])?.[1];
  if (name !== undefined) return [{ input: '', name }];
  if (key.ctrl) return [{ input, isControl: true }];
  return Array.from(input).flatMap((character): readonly Key[] => {
    if (character === '\r' || character === '\n') return [{ input: '', name: 'enter' }];
    if (character === '\b' || character === '\u007f') return [{ input: '', name: 'backspace' }];
    return /\p{Cc}/u.test(character) ? [] : [{ input: character }];
  });
}

const KEY_NAMES = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['pageUp', 'pageUp'],
  ['pageDown', 'pageDown'],
  ['return', 'enter'],
  ['escape', 'escape'],
  ['backspace', 'backspace'],
  // Terminals send for Backspace what others send for Delete.
  ['delete', 'backspace'],
] as const satisfies readonly (readonly [keyof InkKey, Key['name']])[];
