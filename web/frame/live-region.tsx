/** What a screen reader is told as it happens, one sentence at a time. */
import { signal } from '@preact/signals';
import type { JSX } from 'preact';

const said = signal('');

export function announce(sentence: string): void {
  said.value = sentence;
}

export function LiveRegion(): JSX.Element {
  return (
    <p class="sr-only" role="status" aria-live="polite">
      {said.value}
    </p>
  );
}
