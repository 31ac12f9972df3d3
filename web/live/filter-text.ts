/** The filter as it is being typed: its text, suggestions, keys; and when it is told to the list. */
import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { parseQuery, type QueryProblem, type Suggestion, suggestQuery } from '../../src/core/query.js';
import type { FilterBoxProps } from './filter-box.js';

const TYPING_MS = 120;

export interface FilterText {
  readonly text: Signal<string>;
  readonly cursor: Signal<number>;
  /** Whether suggestions may be seen. */
  readonly open: Signal<boolean>;
  /** Of the suggestions shown, the one under the keyboard; -1: none. */
  readonly picked: Signal<number>;
  readonly problem: QueryProblem | undefined;
  readonly shown: readonly Suggestion[];
  /** @param now tells the list at once, and not when typing pauses */
  change(next: string, at: number, now?: boolean): void;
  pick(item: Suggestion): void;
  leave(): void;
}

export function useFilterText({ q, facets, onChange, onLeave, input }: FilterBoxProps): FilterText {
  const text = useSignal(q);
  const cursor = useSignal(q.length);
  const open = useSignal(false);
  const picked = useSignal(-1);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const reading = parseQuery(text.value, Date.now());
  const { from, to, items } = suggestQuery(text.value, cursor.value, facets?.fields ?? {});
  // What is written already is no suggestion.
  const written = text.value.slice(from, to);
  const shown = open.value ? items.filter((item) => item.text !== written) : [];

  // The filter also changes elsewhere: by a click on a cell, or by going back. What is being typed stays.
  useEffect(() => {
    if (input.current !== document.activeElement || reading.ok) text.value = q;
  }, [q]);

  const change = (next: string, at: number, now = false): void => {
    text.value = next;
    cursor.value = at;
    picked.value = -1;
    clearTimeout(timer.current);
    const send = (): void => {
      if (parseQuery(next, Date.now()).ok) onChange(next.trim());
    };
    if (now) send();
    else timer.current = setTimeout(send, TYPING_MS);
  };
  const pick = (item: Suggestion): void => {
    const isField = item.text.endsWith(':');
    const before = text.value.slice(0, from) + item.text + (isField ? '' : ' ');
    change(before + text.value.slice(to).trimStart(), before.length);
    open.value = isField;
    const element = input.current;
    element?.focus();
    requestAnimationFrame(() => element?.setSelectionRange(before.length, before.length));
  };
  const problem = reading.ok ? undefined : reading.problem;
  return { text, cursor, open, picked, problem, shown, change, pick, leave: onLeave };
}

/** What a key does in the box. */
export function pressKey(filter: FilterText, event: KeyboardEvent): void {
  const { text, cursor, open, picked, shown } = filter;
  const suggestion = shown[picked.value];
  if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    event.preventDefault();
    open.value = true;
    const step = event.key === 'ArrowDown' ? 1 : -1;
    picked.value = Math.min(Math.max(-1, picked.value + step), shown.length - 1);
  } else if ((event.key === 'Enter' || event.key === 'Tab') && suggestion) {
    event.preventDefault();
    filter.pick(suggestion);
  } else if (event.key === 'Enter') {
    open.value = false;
    filter.change(text.value, cursor.value, true);
    if (!filter.problem) filter.leave();
  } else if (event.key === 'Escape') {
    event.stopPropagation();
    if (open.value && shown.length > 0) open.value = false;
    else if (text.value) filter.change('', 0, true);
    else filter.leave();
  }
}
