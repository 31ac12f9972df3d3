/** The filter's input: suggestions while typing, and what does not parse marked at its place. */
import type { JSX } from 'preact';
import type { FacetsAnswer } from '../../src/core/dashboard.js';
import { MAX_QUERY_LENGTH, type QueryProblem } from '../../src/core/query.js';
import { Icon } from '../icons.js';
import { showCount, showText } from '../text.js';
import { type FilterText, pressKey, useFilterText } from './filter-text.js';

export interface FilterBoxProps {
  readonly q: string;
  readonly facets: FacetsAnswer | undefined;
  /** Called with each text that parses. */
  readonly onChange: (q: string) => void;
  /** Enter was pressed, or Escape on an empty or settled box: the table takes over. */
  readonly onLeave: () => void;
  readonly input: { current: HTMLInputElement | null };
}

export function FilterBox(props: FilterBoxProps): JSX.Element {
  const filter = useFilterText(props);
  const { text, problem } = filter;
  return (
    <div class={`filter${problem ? ' has-problem' : ''}`}>
      <Icon name="search" />
      <div class="filter-field">
        <Mirror text={text.value} problem={problem} />
        <Input filter={filter} input={props.input} />
      </div>
      {text.value !== '' && (
        <button
          type="button"
          class="icon-button"
          aria-label="Clear the filter"
          onClick={() => filter.change('', 0, true)}
        >
          <Icon name="close" />
        </button>
      )}
      <kbd class="filter-key">/</kbd>
      <Suggestions filter={filter} />
      {problem && (
        <p id="filter-problem" class="filter-problem" role="alert">
          <Icon name="warn" /> {showText(problem.message)} {showText(problem.hint)}
        </p>
      )}
    </div>
  );
}

interface PartProps {
  readonly filter: FilterText;
}

function Input({ filter, input }: PartProps & Pick<FilterBoxProps, 'input'>): JSX.Element {
  const { text, cursor, open, picked, problem, shown } = filter;
  const onInput = (event: Event): void => {
    const element = event.currentTarget as HTMLInputElement;
    open.value = true;
    filter.change(element.value, element.selectionStart ?? element.value.length);
  };
  return (
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
      onKeyDown={(event) => pressKey(filter, event)}
      onClick={() => (cursor.value = input.current?.selectionStart ?? 0)}
      onFocus={() => (open.value = text.value !== '')}
      onBlur={() => (open.value = false)}
      onScroll={() => moveMirror(input.current)}
    />
  );
}

function Suggestions({ filter: { shown, picked, pick } }: PartProps): JSX.Element {
  return (
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
