/** An answer that did not come, in words. */
import type { JSX } from 'preact';
import { Icon } from '../icons.js';
import { SourceError } from '../state/source.js';
import { showText } from '../text.js';

export function Problem({ error }: { readonly error: Error }): JSX.Element {
  return (
    <p class="banner banner-warn" role="alert">
      <Icon name="warn" />
      <span>
        {showText(error.message)} {error instanceof SourceError && showText(error.hint ?? '')}
      </span>
    </p>
  );
}
