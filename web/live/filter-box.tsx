/** The filter's input: suggestions while typing, and what does not parse marked at its place. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { FacetsAnswer } from '../../src/core/dashboard.js';
import {
  MAX_QUERY_LENGTH,
  parseQuery,
  type QueryProblem,
  type Suggestion,
  suggestQuery,
} from '../../src/core/query.js';
import { Icon } from '../icons.js';
import { showCount, showText } from '../text.js';

export interface FilterBoxProps {
  readonly q: string;
  readonly facets: FacetsAnswer | undefined;
  /** Called with each text that parses. */
  readonly onChange: (q: string) => void;
  /** Enter was pressed, or Escape on an empty or settled box: the table takes over. */
  readonly onLeave: () => void;
  readonly input: { current: HTMLInputElement | null };
}

const TYPING_MS = 120;

export function FilterBox({ q, facets, onChange, onLeave, input }: FilterBoxProps): JSX.Element {
  const text = useSignal(q);
  const cursor = useSignal(q.length);
  const open = useSignal(false);
  const picked = useSignal(-1);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const reading = parseQuery(text.value, Date.now());
  const problem = reading.ok ? undefined : reading.problem;
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
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      open.value = true;
      const step = event.key === 'ArrowDown' ? 1 : -1;
      picked.value = Math.min(Math.max(-1, picked.value + step), shown.length - 1);
    } else if ((event.key === 'Enter' || event.key === 'Tab') && shown[picked.value]) {
      event.preventDefault();
      pick(shown[picked.value] as Suggestion);
    } else if (event.key === 'Enter') {
      open.value = false;
      change(text.value, cursor.value, true);
      if (reading.ok) onLeave();
    } else if (event.key === 'Escape') {
      event.stopPropagation();
      if (open.value && shown.length > 0) open.value = false;
      else if (text.value) change('', 0, true);
      else onLeave();
    }
  };
  const onInput = (event: Event): void => {
    const element = event.currentTarget as HTMLInputElement;
    open.value = true;
    change(element.value, element.selectionStart ?? element.value.length);
  };

  return (
    <div class={`filter${problem ? ' has-problem' : ''}`}>
      <Icon name="search" />
      <div class="filter-field">
        <Mirror text={text.value} problem={problem} />
        <input
          ref={input}
          class="filter-input"
          type="text"
          role="combobox"
          spellcheck={false}
          autocomplete="off"
          autocapitalize="off"
          maxLength={MAX_QUERY_LENGTH}
          aria-label="Filter"
          aria-expanded={shown.length > 0}
          aria-controls="filter-list"
          aria-autocomplete="list"
          aria-activedescendant={picked.value >= 0 ? `filter-item-${picked.value}` : undefined}
          aria-invalid={problem !== undefined}
          aria-describedby={problem ? 'filter-problem' : undefined}
          placeholder="action:block model:anthropic/* cost:>0.05 since:2h"
          value={text.value}
          onInput={onInput}
          onKeyDown={onKeyDown}
          onClick={() => (cursor.value = input.current?.selectionStart ?? 0)}
          onFocus={() => (open.value = text.value !== '')}
          onBlur={() => (open.value = false)}
          onScroll={() => moveMirror(input.current)}
        />
      </div>
      {text.value !== '' && (
        <button
          type="button"
          class="icon-button"
          aria-label="Clear the filter"
          onClick={() => change('', 0, true)}
        >
          <Icon name="close" />
        </button>
      )}
      <kbd class="filter-key">/</kbd>
      <ul
        id="filter-list"
        class="suggestions"
        role="listbox"
        aria-label="Suggestions"
        hidden={shown.length === 0}
      >
        {shown.map((item, at) => (
          <li
            key={item.text}
            id={`filter-item-${at}`}
            role="option"
            tabIndex={-1}
            aria-selected={at === picked.value}
            // The input would lose the focus, and with it the list, before the click.
            onMouseDown={(event) => {
              event.preventDefault();
              pick(item);
            }}
          >
            <bdi>{showText(item.text, 80)}</bdi>
            {item.count !== null && <span class="dim num">{showCount(item.count)}</span>}
          </li>
        ))}
      </ul>
      {problem && (
        <p id="filter-problem" class="filter-problem" role="alert">
          <Icon name="warn" /> {showText(problem.message)} {showText(problem.hint)}
        </p>
      )}
    </div>
  );
}

/** The text again behind the input, see-through but for the wave under what does not parse. */
function Mirror({
  text,
  problem,
}: {
  readonly text: string;
  readonly problem: QueryProblem | undefined;
}): JSX.Element {
  const from = problem?.at ?? text.length;
  const to = problem ? Math.max(from + problem.length, from + 1) : from;
  return (
    <div class="filter-mirror" aria-hidden="true">
      {text.slice(0, from)}
      {problem && <mark>{text.slice(from, to) || ' '}</mark>}
      {text.slice(to)}
    </div>
  );
}

function moveMirror(input: HTMLInputElement | null): void {
  const mirror = input?.previousElementSibling;
  if (mirror && input) mirror.scrollLeft = input.scrollLeft;
}
