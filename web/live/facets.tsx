/** What is in the filtered calls, field by field with counts; a click filters by a value. */
import type { JSX } from 'preact';
import type { RecordAction } from '../../src/core/call-record.js';
import type { FacetsAnswer, FacetValue } from '../../src/core/dashboard.js';
import { TEXT_FIELD_NAMES, type TextQueryField } from '../../src/core/query-ast.js';
import { ActionTag } from '../tag.js';
import { showCount, showText } from '../text.js';

const SHOWN: readonly (readonly [TextQueryField, string])[] = [
  ['action', 'Decision'],
  ['state', 'State'],
  ['model', 'Model'],
  ['team', 'Team'],
  ['user', 'User'],
  ['agent', 'Agent'],
  ['task', 'Task'],
  ['code', 'Refusal'],
  ['env', 'Environment'],
  ['policy', 'Policy'],
  ['scope', 'Scope'],
];
const MAX_VALUES = 7;

export interface FacetsProps {
  readonly facets: FacetsAnswer | undefined;
  readonly onFilter: (field: TextQueryField, value: string, isNot: boolean) => void;
}

export function Facets({ facets, onFilter }: FacetsProps): JSX.Element {
  return (
    <nav class="facets" aria-label="Filter by value">
      {SHOWN.map(([field, title]) => {
        const values = (facets?.fields[field] ?? []).filter(({ value }) => value !== '');
        if (values.length === 0 || !TEXT_FIELD_NAMES.includes(field)) return null;
        return <Facet key={field} field={field} title={title} values={values} onFilter={onFilter} />;
      })}
    </nav>
  );
}

interface FacetProps {
  readonly field: TextQueryField;
  readonly title: string;
  readonly values: readonly FacetValue[];
  readonly onFilter: FacetsProps['onFilter'];
}

function Facet({ field, title, values, onFilter }: FacetProps): JSX.Element {
  const most = values[0]?.count ?? 1;
  return (
    <details class="facet" open>
      <summary>{title}</summary>
      <ul>
        {values.slice(0, MAX_VALUES).map(({ value, count }) => (
          <li key={value}>
            <button
              type="button"
              title={`${showText(value)}: click to show only these, Alt-click to leave them out`}
              onClick={(event) => onFilter(field, value, event.altKey)}
            >
              <i class="facet-bar" style={{ width: `${(100 * count) / most}%` }} />
              <span class="facet-value">
                {field === 'action' ? (
                  <ActionTag action={value as RecordAction} />
                ) : (
                  <bdi>{showText(value, 60)}</bdi>
                )}
              </span>
              <span class="facet-count num">{showCount(count)}</span>
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}
