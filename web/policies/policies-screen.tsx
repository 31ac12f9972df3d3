/** The policies that decided, as they were written, and the price table that they reckoned with. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { ModelsAnswer, PoliciesAnswer } from '../../src/core/dashboard.js';
import { Problem } from '../frame/problem.js';
import { epoch, pulse } from '../state/feed.js';
import { useResource } from '../state/resource.js';
import type { DataSource } from '../state/source.js';
import { countOf, shortHex, showCount, showText } from '../text.js';
import { showDistance, showTime } from '../time.js';
import { PolicyWords } from './policy-words.js';

export function PoliciesScreen({ source }: { readonly source: DataSource }): JSX.Element {
  const policies = useResource(() => source.policies(), [pulse.value, epoch.value]);
  const models = useResource(() => source.models(), [epoch.value]);
  return (
    <div class="screen policies">
      <section class="section" aria-labelledby="policies-title">
        <h2 id="policies-title">Policies that decided</h2>
        {policies.error && <Problem error={policies.error} />}
        {policies.value?.policies.length === 0 && <p class="dim">None yet.</p>}
        <div class="policy-list">
          {policies.value?.policies.map((policy) => (
            <PolicyCard key={`${policy.scope} ${policy.policyHash}`} policy={policy} />
          ))}
        </div>
      </section>
      {models.error && <Problem error={models.error} />}
      {models.value && <ModelTable answer={models.value} />}
    </div>
  );
}

function PolicyCard({ policy }: { readonly policy: PoliciesAnswer['policies'][number] }): JSX.Element {
  const nowMs = Date.now();
  return (
    <article class="card policy">
      <header>
        <h3>
          <bdi>{showText(policy.policyId, 80)}</bdi>{' '}
          <span class="dim">version {showText(policy.version, 40)}</span>
        </h3>
        <p class="dim num">
          <bdi>{showText(policy.scope, 60)}</bdi> · {countOf(policy.decisions, 'decision')} ·{' '}
          {showTime(policy.firstMs, nowMs)} to {showTime(policy.lastMs, nowMs)} ·{' '}
          <code title={policy.policyHash}>{shortHex(policy.policyHash)}</code>
        </p>
      </header>
      {policy.text === null ? (
        <p class="dim">Its text is not kept beside the ledger, so only its hash is known.</p>
      ) : (
        <PolicyWords text={policy.text} />
      )}
    </article>
  );
}

const MAX_SHOWN = 200;

function ModelTable({ answer }: { readonly answer: ModelsAnswer }): JSX.Element {
  const filter = useSignal('');
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = answer.models.filter(({ id }) => words.every((word) => id.toLowerCase().includes(word)));
  return (
    <section class="section" aria-labelledby="models-title">
      <header class="section-head">
        <h2 id="models-title">Prices</h2>
        <p class="dim">
          {answer.table
            ? `Fetched ${showDistance(answer.table.fetchedAtMs, Date.now())} from ${showText(answer.table.source, 100)}`
            : 'Never fetched: agentguard models --sync-pricing does it.'}
        </p>
        {answer.models.length > 0 && (
          <label class="model-filter">
            <span class="sr-only">Models whose id contains</span>
            <input
              type="search"
              placeholder="anthropic haiku"
              value={filter.value}
              onInput={(event) => (filter.value = event.currentTarget.value)}
            />
          </label>
        )}
      </header>
      {answer.models.length > 0 && (
        <>
          <div class="scroll-x" tabIndex={0} role="region" aria-label="Prices">
            <table class="plain">
              <thead>
                <tr>
                  <th scope="col">Model</th>
                  <th scope="col" class="right">
                    Input, $ per million
                  </th>
                  <th scope="col" class="right">
                    Output, $ per million
                  </th>
                  <th scope="col" class="right">
                    Context
                  </th>
                </tr>
              </thead>
              <tbody>
                {found.slice(0, MAX_SHOWN).map((model) => (
                  <tr key={model.id}>
                    <td>
                      <bdi>{showText(model.id, 120)}</bdi>
                    </td>
                    <td class="num right">{showPrice(model.inputUsdPerMtok)}</td>
                    <td class="num right">{showPrice(model.outputUsdPerMtok)}</td>
                    <td class="num right">
                      {model.contextTokens === null ? '' : showCount(model.contextTokens)}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <p class="dim num">
            {countOf(found.length, 'model')}
            {found.length > MAX_SHOWN && `, the first ${MAX_SHOWN} shown`}
          </p>
        </>
      )}
    </section>
  );
}

function showPrice(usd: string | null): string {
  return usd === null ? 'unknown' : showText(usd, 40);
}
