/** One ledger's verification on this page: started, stopped, and what came of it; remembered by this browser. */
import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { LedgerDetail } from '../../src/core/dashboard.js';
import type { FileReport } from '../../src/core/report.js';
import { announce } from '../frame/live-region.js';
import { recall, remember } from '../state/preferences.js';
import type { DataSource } from '../state/source.js';
import { countOf } from '../text.js';
import { showDistance } from '../time.js';
import type { Evidence } from '../verify/evidence.js';
import { type LedgerFindings, verifyLedger } from '../verify/verifier.js';
import { gatherEvidence } from './brought.js';

export type Run =
  | { readonly kind: 'idle' }
  | { readonly kind: 'running'; readonly rows: number }
  | { readonly kind: 'failed'; readonly message: string }
  | {
      readonly kind: 'done';
      readonly given: Evidence;
      readonly findings: LedgerFindings;
      readonly tookMs: number;
    };

export interface Verification {
  readonly run: Signal<Run>;
  start(): Promise<void>;
  cancel(): void;
}

export function useVerification(ledger: LedgerDetail, source: DataSource): Verification {
  const run = useSignal<Run>({ kind: 'idle' });
  const stop = useRef<AbortController>(undefined);
  useEffect(() => () => stop.current?.abort(), []);
  return {
    run,
    cancel: () => stop.current?.abort(),
    async start() {
      const controller = new AbortController();
      stop.current = controller;
      const { signal } = controller;
      const startMs = performance.now();
      const tell = (rows: number): void => {
        run.value = { kind: 'running', rows };
      };
      tell(0);
      try {
        const given = await gatherEvidence(source, ledger.scope);
        const findings = await verifyLedger(source, ledger.scope, given, tell, signal);
        run.value = { kind: 'done', given, findings, tookMs: performance.now() - startMs };
        noteVerified(ledger, findings.report);
        announce(`${countOf(findings.report.rows, 'row')} checked.`);
      } catch (error) {
        const { message } = error as Error;
        run.value = signal.aborted ? { kind: 'idle' } : { kind: 'failed', message };
      }
    },
  };
}

function noteVerified(ledger: LedgerDetail, report: FileReport): void {
  const ok = Object.values(report.verdicts).every(({ answer }) => answer !== 'no');
  const note = { atMs: Date.now(), rows: report.rows, ok };
  remember(`verified.${ledger.ledgerId ?? ledger.scope}`, JSON.stringify(note));
}

/** When this browser last verified the ledger, and how much of it. */
export function recallVerified(ledger: LedgerDetail, nowMs: number): string {
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
