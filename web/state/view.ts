/** What is being looked at, kept in the address: every view is a link, and back and forward work. */
import { signal } from '@preact/signals';

export const SCREENS = ['live', 'spend', 'integrity', 'policies'] as const;
export type Screen = (typeof SCREENS)[number];

export const GROUPINGS = ['model', 'team', 'user', 'agent', 'task'] as const;
export type Grouping = (typeof GROUPINGS)[number];

/** Spans of the charts. */
export const RANGES = ['1h', '6h', '24h', '7d', '30d'] as const;
export type Range = (typeof RANGES)[number];

export interface View {
  readonly screen: Screen;
  /** The filter as typed. */
  readonly q: string;
  /** The receipt that is open. */
  readonly receipt: string;
  readonly by: Grouping;
  readonly range: Range;
}

export const START: View = { screen: 'live', q: '', receipt: '', by: 'model', range: '24h' };

/** Reads the query part of an address; whatever it does not know is the default. */
export function parseView(search: string): View {
  const query = new URLSearchParams(search);
  return {
    screen: oneOf(SCREENS, query.get('view')) ?? START.screen,
    q: query.get('q') ?? '',
    receipt: query.get('receipt') ?? '',
    by: oneOf(GROUPINGS, query.get('by')) ?? START.by,
    range: oneOf(RANGES, query.get('range')) ?? START.range,
  };
}

/** The query part of an address; empty for the start. Inverse of `parseView`. */
export function printView(view: View): string {
  const query = new URLSearchParams();
  if (view.screen !== START.screen) query.set('view', view.screen);
  for (const key of ['q', 'receipt', 'by', 'range'] as const)
    if (view[key] !== START[key]) query.set(key, view[key]);
  const text = query.toString();
  return text && `?${text}`;
}

export const view = signal<View>(START);

/** Goes to another view. `replace` is for changes that are not worth a step back, such as each typed letter. */
export function go(change: Partial<View>, how: 'push' | 'replace' = 'push'): void {
  const next = { ...view.value, ...change };
  const address = location.pathname + printView(next);
  if (address !== location.pathname + location.search) {
    if (how === 'push') history.pushState(null, '', address);
    else history.replaceState(null, '', address);
  }
  view.value = next;
}

/** Address of a view that changes the present one. */
export function linkTo(change: Partial<View>): string {
  return `${location.pathname}${printView({ ...view.value, ...change })}` || '/';
}

/** Reads the address, now and whenever the browser goes back or forward. */
export function followAddress(): void {
  view.value = parseView(location.search);
  addEventListener('popstate', () => {
    view.value = parseView(location.search);
  });
}

function oneOf<T extends string>(values: readonly T[], text: string | null): T | undefined {
  return values.find((value) => value === text);
}
