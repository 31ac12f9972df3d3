/** What was decided about a call, as an icon and a word: never by colour alone. */
import type { JSX } from 'preact';
import type { RecordAction } from '../src/core/call-record.js';
import { Icon } from './icons.js';

const WORDS: Readonly<Record<RecordAction, string>> = {
  allow: 'allow',
  downgrade: 'downgrade',
  shadow: 'shadow',
  block: 'block',
  control: 'control',
};

export function ActionTag({ action }: { readonly action: RecordAction }): JSX.Element {
  return (
    <span class={`tag tag-${WORDS[action] ?? 'control'}`}>
      <Icon name={WORDS[action] ? action : 'control'} />
      {WORDS[action] ?? 'other'}
    </span>
  );
}
