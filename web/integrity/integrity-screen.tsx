/** Per ledger: what it is made of, who signed, its condition, and the verification of every row in this browser. */
import type { JSX } from 'preact';
import { Problem } from '../frame/problem.js';
import { epoch, pulse } from '../state/feed.js';
import { useResource } from '../state/resource.js';
import type { DataSource } from '../state/source.js';
import { BringCard } from './bring-card.js';
import { LedgerCard } from './ledger-card.js';

export function IntegrityScreen({ source }: { readonly source: DataSource }): JSX.Element {
  const { value, error } = useResource(() => source.ledgers(), [pulse.value, epoch.value]);
  return (
    <div class="screen integrity">
      <header class="section-head">
        <h2>Ledgers</h2>
        <p class="dim">
          Every row is read, hashed and checked by this page itself, in a thread of its own. Nothing leaves
          it.
        </p>
      </header>
      <BringCard />
      {error && <Problem error={error} />}
      {!value && !error && <p class="dim">Reading…</p>}
      {value?.ledgers.length === 0 && <p class="dim">No ledger yet.</p>}
      {value?.ledgers.map((ledger) => (
        <LedgerCard key={ledger.scope} ledger={ledger} source={source} />
      ))}
    </div>
  );
}
