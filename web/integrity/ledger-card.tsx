/** One ledger: figures, signers, newest checkpoint, and "Verify every row" with progress and cancel. */
import type { JSX } from 'preact';
import type { LedgerDetail } from '../../src/core/dashboard.js';
import { announce } from '../frame/live-region.js';
import { Icon } from '../icons.js';
import type { DataSource } from '../state/source.js';
import { go } from '../state/view.js';
import { countOf, shortHex, showBytes, showCount, showText } from '../text.js';
import { showInstant, showTime } from '../time.js';
import { HeldAgainst } from './held-against.js';
import { ReportView } from './report-view.js';
import { type Run, recallVerified, useVerification, type Verification } from './verification.js';

export function LedgerCard({
  ledger,
  source,
}: {
  readonly ledger: LedgerDetail;
  readonly source: DataSource;
}): JSX.Element {
  const verification = useVerification(ledger, source);
  const showRow = (row: number): void => {
    source.callAt(ledger.scope, row).then(
      ({ ref }) => ref && go({ receipt: ref }),
      () => announce('The row was not found.'),
    );
  };
  return (
    <article
      class={`card ledger condition-${ledger.condition}`}
      aria-label={`Ledger ${showText(ledger.scope, 60)}`}
    >
      <header class="ledger-head">
        <h3>
          <bdi>{showText(ledger.scope, 80)}</bdi>
        </h3>
        <Condition ledger={ledger} />
        <span class="ledger-actions">
          <VerifyButton verification={verification} />
        </span>
      </header>
      <Figures ledger={ledger} />
      <RunView run={verification.run.value} rows={ledger.rows} onRow={showRow} />
      <Signers ledger={ledger} />
      {ledger.checkpoint !== null && <Checkpoint text={ledger.checkpoint} />}
    </article>
  );
}

function VerifyButton({ verification }: { readonly verification: Verification }): JSX.Element {
  return verification.run.value.kind === 'running' ? (
    <button type="button" class="button" onClick={verification.cancel}>
      <Icon name="close" /> Cancel
    </button>
  ) : (
    <button type="button" class="button primary" onClick={() => void verification.start()}>
      <Icon name="shield" /> Verify every row
    </button>
  );
}

function RunView({
  run,
  rows,
  onRow,
}: {
  readonly run: Run;
  readonly rows: number;
  readonly onRow: (row: number) => void;
}): JSX.Element | null {
  if (run.kind === 'idle') return null;
  if (run.kind === 'failed') return <p class="verdict verdict-no">{showText(run.message)}</p>;
  if (run.kind === 'done')
    return (
      <>
        <ReportView report={run.findings.report} tookMs={run.tookMs} onRow={onRow} />
        <HeldAgainst given={run.given} evidence={run.findings.evidence} />
      </>
    );
  return (
    <p class="run">
      <progress max={Math.max(1, rows)} value={run.rows} aria-label="Rows checked" />
      <span class="num">
        {showCount(run.rows)} of {showCount(rows)} rows
      </span>
    </p>
  );
}

function Checkpoint({ text }: { readonly text: string }): JSX.Element {
  return (
    <details class="facts raw">
      <summary>
        Newest checkpoint{' '}
        <span class="dim">this server’s word: keep a copy elsewhere, and bring it back another day</span>
      </summary>
      <pre tabIndex={0}>
        <code>{showText(text, 4000).replaceAll('\\u000a', '\n')}</code>
      </pre>
    </details>
  );
}

function Condition({ ledger }: { readonly ledger: LedgerDetail }): JSX.Element {
  const ok = ledger.condition === 'ok';
  return (
    <span class={`condition ${ok ? 'good' : 'bad'}`}>
      <Icon name={ok ? 'allow' : 'warn'} />
      {ok ? 'readable' : ledger.condition}
      {ledger.note && <span class="dim"> {showText(ledger.note)}</span>}
    </span>
  );
}

function Figures({ ledger }: { readonly ledger: LedgerDetail }): JSX.Element {
  const nowMs = Date.now();
  return (
    <dl class="figures">
      <Figure name="Rows" text={showCount(ledger.rows)} />
      <Figure name="Size" text={`${showBytes(ledger.bytes)} in ${countOf(ledger.files.length, 'file')}`} />
      <Figure
        name="First"
        text={showTime(ledger.firstTimestampMs, nowMs)}
        hover={showInstant(ledger.firstTimestampMs)}
      />
      <Figure
        name="Last"
        text={showTime(ledger.lastTimestampMs, nowMs)}
        hover={showInstant(ledger.lastTimestampMs)}
      />
      <Figure name="Head" text={shortHex(ledger.headHash ?? 'none')} hover={ledger.headHash ?? ''} />
      <Figure name="Ledger id" text={shortHex(ledger.ledgerId ?? 'none')} hover={ledger.ledgerId ?? ''} />
      <Figure name="Last verified here" text={recallVerified(ledger, nowMs)} />
    </dl>
  );
}

function Figure({
  name,
  text,
  hover = '',
}: {
  readonly name: string;
  readonly text: string;
  readonly hover?: string;
}): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd class="num" title={showText(hover) || undefined}>
        {showText(text)}
      </dd>
    </div>
  );
}

function Signers({ ledger }: { readonly ledger: LedgerDetail }): JSX.Element {
  return (
    <table class="plain">
      <caption class="sr-only">Signers</caption>
      <thead>
        <tr>
          <th scope="col">Signer</th>
          <th scope="col">Public key</th>
          <th scope="col" class="right">
            Rows
          </th>
        </tr>
      </thead>
      <tbody>
        {ledger.signers.map((signer) => (
          <tr key={signer.publicKeyHex ?? signer.fingerprint}>
            <td>
              <code>{showText(signer.fingerprint)}</code>
            </td>
            <td>
              <code title={signer.publicKeyHex ?? undefined}>
                {shortHex(signer.publicKeyHex ?? 'not in the rows')}
              </code>
            </td>
            <td class="num right">{showCount(signer.rows)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
