/** What the table's place says when there is nothing to list. */
import type { JSX } from 'preact';
import { Icon } from '../icons.js';
import { status } from '../state/feed.js';
import { showText } from '../text.js';

const FIVE_LINES = `import { withSpendGuard } from '@agentguard-run/spend';

const client = withSpendGuard(new OpenAI({ apiKey, baseURL }), {
  policy,                                  // caps: { amountCents: 500, window: 'per_day', action: 'block' }
  scope: { tenantId: 'acme', userId: 'alice' },
});
await client.chat.completions.create({ model, messages });`;

export function EmptyState({
  q,
  onClear,
}: {
  readonly q: string;
  readonly onClear: () => void;
}): JSX.Element {
  if (q)
    return (
      <div class="empty">
        <h2>No decision matches this filter</h2>
        <p>
          <code>{showText(q, 200)}</code>
        </p>
        <button type="button" class="button" onClick={onClear}>
          Clear the filter
        </button>
      </div>
    );
  return (
    <div class="empty">
      <h2>No receipts yet</h2>
      <p>
        Each guarded call leaves one here, as it is decided. Wrap a client, make a call, and watch this page;
        or try <code>agentguard demo</code>, which needs no key.
      </p>
      <pre>
        <code>{FIVE_LINES}</code>
      </pre>
      {status.value && (
        <p class="dim">
          Looking in <code>{showText(status.value.home)}</code>
          {status.value.scope && (
            <>
              , scope <code>{showText(status.value.scope)}</code>
            </>
          )}
        </p>
      )}
    </div>
  );
}

export function ListProblem({ message }: { readonly message: string }): JSX.Element {
  return (
    <p class="list-problem" role="alert">
      <Icon name="warn" /> {message}
    </p>
  );
}
