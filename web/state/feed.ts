/** The connection to the source, and what every screen has to know about it: status, progress, condition of ledgers. */
import { signal } from '@preact/signals';
import type { CapsAnswer, LedgerBrief, StatusAnswer } from '../../src/core/dashboard.js';
import { type DataSource, SourceError, type SourceEvent } from './source.js';

/** `expired`: the server is there but does not know this browser. */
export type Connection = 'connecting' | 'up' | 'down' | 'expired';

export interface Feed {
  readonly source: DataSource;
  /** Called for every event; returns how to stop. */
  onEvent(listener: (event: SourceEvent) => void): () => void;
}

export const connection = signal<Connection>('connecting');
export const status = signal<StatusAnswer | null>(null);
export const stops = signal<CapsAnswer['stops']>([]);
/** Grows whenever everything that was read must be read anew: another server, a lost event, a replaced ledger. */
export const epoch = signal(0);
/** Grows, at most about once a second, when rows arrived: sums and lists that follow are read again. */
export const pulse = signal(0);

const PULSE_MS = 1000;
const RETRY_MS = 2000;

export function startFeed(source: DataSource): Feed {
  const listeners = new Set<(event: SourceEvent) => void>();
  const beat = createBeat();
  let wasDown = false;
  source.subscribe((event) => {
    if (event.kind === 'up') void greet(source, wasDown).then(() => (wasDown = false));
    else if (event.kind === 'down') {
      wasDown = true;
      void lose(source);
    } else take(event, beat);
    for (const listener of listeners) listener(event);
  });
  void greet(source, false);
  return {
    source,
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Reads the status after each (re)connection. What happened meanwhile was not heard, so all is read anew. */
async function greet(source: DataSource, again: boolean): Promise<void> {
  try {
    const before = status.value?.instance;
    const next = await source.status();
    status.value = next;
    connection.value = 'up';
    if (again || (before !== undefined && before !== next.instance)) epoch.value++;
    void readStops(source);
  } catch (error) {
    connection.value = describe(error);
    setTimeout(() => connection.value !== 'up' && void greet(source, true), RETRY_MS);
  }
}

/** The stream ended: whether the server is gone or no longer knows us tells the status. */
async function lose(source: DataSource): Promise<void> {
  if (connection.value !== 'expired') connection.value = 'down';
  try {
    await source.status();
  } catch (error) {
    connection.value = describe(error);
  }
}

function describe(error: unknown): Connection {
  return error instanceof SourceError && (error.status === 401 || error.status === 403) ? 'expired' : 'down';
}

function take(event: Exclude<SourceEvent, { kind: 'up' | 'down' }>, beat: () => void): void {
  const known = status.value;
  if (event.kind === 'lost') epoch.value++;
  else if (event.kind === 'rows') beat();
  else if (known && event.kind === 'index') {
    status.value = { ...known, index: event.index, asOf: event.asOf };
    beat();
  } else if (known && event.kind === 'ledger') {
    status.value = { ...known, ledgers: putLedger(known.ledgers, event.ledger) };
    beat();
  }
}

function putLedger(ledgers: readonly LedgerBrief[], ledger: LedgerBrief): readonly LedgerBrief[] {
  const at = ledgers.findIndex(({ scope }) => scope === ledger.scope);
  return at < 0 ? [...ledgers, ledger] : ledgers.with(at, ledger);
}

async function readStops(source: DataSource): Promise<void> {
  try {
    stops.value = (await source.caps()).stops;
  } catch {
    // The caps' own screen says what is wrong with them.
  }
}

/** One pulse now, the next not before a second has passed. */
function createBeat(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let missed = false;
  const rest = (): void => {
    timer = undefined;
    if (!missed) return;
    missed = false;
    strike();
  };
  const strike = (): void => {
    pulse.value++;
    timer = setTimeout(rest, PULSE_MS);
  };
  return () => {
    if (timer === undefined) strike();
    else missed = true;
  };
}

/** Reads active stops again; called on each pulse. */
export function followStops(source: DataSource): () => void {
  return pulse.subscribe(() => void readStops(source));
}
