/** One ledger: figures, signers, newest checkpoint, and "Verify every row" with progress and cancel. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { LedgerDetail } from '../../src/core/dashboard.js';
import type { FileReport } from '../../src/core/report.js';
import { announce } from '../frame/live-region.js';
import { Icon } from '../icons.js';
import { recall, remember } from '../state/preferences.js';
import type { DataSource } from '../state/source.js';
import { go } from '../state/view.js';
import { countOf, shortHex, showBytes, showCount, showText } from '../text.js';
import { showDistance, showInstant, showTime } from '../time.js';
import { verifyLedger } from '../verify/verifier.js';
import { ReportView } from './report-view.js';

type Run =
  | { readonly kind: 'idle' }
  | { readonly kind: 'running'; readonly rows: number }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'done'; readonly report: FileReport; readonly tookMs: number };

export function LedgerCard({
  ledger,
  source,
}: {
  readonly ledger: LedgerDetail;
  readonly source: DataSource;
}): JSX.Element {
  const run = useSignal<Run>({ kind: 'idle' });
  const stop = useRef<AbortController>(undefined);
  useEffect(() => () => stop.current?.abort(), []);
  const verify = async (): Promise<void> => {
    const mine = new AbortController();
    stop.current = mine;
    const startMs = performance.now();
    run.value = { kind: 'running', rows: 0 };
    try {
      const report = await verifyLedger(
        source,
        ledger.scope,
        (rows) => (run.value = { kind: 'running', rows }),
        mine.signal,
      );
      run.value = { kind: 'done', report, tookMs: performance.now() - startMs };
      noteVerified(ledger, report);
      announce(`${countOf(report.rows, 'row')} checked.`);
    } catch (error) {
      run.value = mine.signal.aborted
        ? { kind: 'idle' }
        : { kind: 'failed', message: (error as Error).message };
    }
  };
  const showRow = (row: number): void => {
    source.callAt(ledger.scope, row).then(
      ({ ref }) => ref && go({ receipt: ref }),
      () => announce('The row was not found.'),
    );
  };
  const state = run.value;
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
          {state.kind === 'running' ? (
            <button type="button" class="button" onClick={() => stop.current?.abort()}>
              <Icon name="close" /> Cancel
            </button>
          ) : (
            <button type="button" class="button primary" onClick={() => void verify()}>
              <Icon name="shield" /> Verify every row
            </button>
          )}
        </span>
      </header>
      <Figures ledger={ledger} />
      {state.kind === 'running' && (
        <p class="run">
          <progress max={Math.max(1, ledger.rows)} value={state.rows} aria-label="Rows checked" />
          <span class="num">
            {showCount(state.rows)} of {showCount(ledger.rows)} rows
          </span>
        </p>
      )}
      {state.kind === 'failed' && <p class="verdict verdict-no">{showText(state.message)}</p>}
      {state.kind === 'done' && <ReportView report={state.report} tookMs={state.tookMs} onRow={showRow} />}
      <Signers ledger={ledger} />
      {ledger.checkpoint !== null && (
        <details class="facts raw">
          <summary>
            Newest checkpoint <span class="dim">as the server keeps it; one kept elsewhere proves more</span>
          </summary>
          <pre tabIndex={0}>
            <code>{showText(ledger.checkpoint, 4000).replaceAll('\\u000a', '\n')}</code>
          </pre>
        </details>
      )}
    </article>
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

function noteVerified(ledger: LedgerDetail, report: FileReport): void {
  const ok = Object.values(report.verdicts).every(({ answer }) => answer !== 'no');
  const note = { atMs: Date.now(), rows: report.rows, ok };
  remember(`verified.${ledger.ledgerId ?? ledger.scope}`, JSON.stringify(note));
}

function recallVerified(ledger: LedgerDetail, nowMs: number): string {
  try {
    const note = JSON.parse(recall(`verified.${ledger.ledgerId ?? ledger.scope}`) ?? 'null') as {
      atMs: number;
      rows: number;
      ok: boolean;
    } | null;
    if (!note) return 'never';
    return `${nowMs - note.atMs < 2000 ? 'just now' : showDistance(note.atMs, nowMs)}, ${countOf(note.rows, 'row')}${note.ok ? '' : ', refused'}`;
  } catch {
    return 'never';
  }
}
