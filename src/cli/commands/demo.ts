/** `agentguard demo`: a guarded agent against the stand-in, then the proof of its ledger (docs/cli.md, demo). */
import type { OptionValues } from 'commander';
import { parseUsd, printUsd, showUsd, type Usd } from '../../core/money.js';
import { startStandIn } from '../../stand-in/server.js';
import { nodeBackend } from '../../store/node-crypto.js';
import { locateScope } from '../../store/paths.js';
import { CliError } from '../cli-error.js';
import { type CommandContext, suggest } from '../context.js';
import { textAt } from '../decision-story.js';
import { DEMO_SCOPE, type DemoCall, runStory } from '../demo-story.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { scanRows } from '../ledger-scan.js';
import { bold, dim, type Part, type Printer, paint, type Style } from '../print.js';
import { createProgress } from '../progress.js';
import { type FileOutcome, verifyFile } from '../verify-file.js';
import { addPolicies } from '../verify-policies.js';
import { printFile, printHeadline } from '../verify-print.js';

interface DemoResult {
  readonly session: string;
  readonly calls: readonly DemoCall[];
  readonly ledgerUsd: Usd;
  readonly billUsd: Usd;
  readonly verification: FileOutcome;
}

const ACTION_STYLES: Readonly<Record<string, Style>> = { allow: 'green', downgrade: 'yellow', block: 'red' };
/** Before the text of a call: number and action. */
const CALL_INDENT = 14;

/** Runs `demo`, then the dashboard where a person looks. @throws AgentGuardError when the home cannot be used. */
export async function runDemo(context: CommandContext, options: OptionValues = {}): Promise<ExitCode> {
  const isTold = !context.json && !context.quiet;
  if (isTold) printOpening(context.out);
  const result = await perform(context, (call, index) => {
    if (isTold) printCall(context.out, call, index);
  });
  const isExact = result.ledgerUsd === result.billUsd;
  const ok = isExact && result.verification.report.rows > 0 && !hasNo(result.verification);
  if (context.json) context.out.json(describeResult(context, result, ok));
  else if (isTold || !ok) printClosing(context, result);
  if (ok && isTold && context.out.isTerminal && options.open !== false) await showDashboard(context);
  if (ok) return EXIT_CODES.ok;
  throw new CliError(
    EXIT_CODES.failed,
    isExact ? 'the ledger of the demo does not verify' : 'ledger and bill differ',
    `${suggest(context, `verify --trace ${DEMO_SCOPE}`)} says where; a demo ledger may be deleted`,
  );
}

/** Until Ctrl-C. */
async function showDashboard(context: CommandContext): Promise<void> {
  const { serveUntilStopped } = await import('../serve-session.js');
  context.out.blank();
  await serveUntilStopped(context, { scope: null, opens: true });
}

async function perform(
  { io, home, quiet }: CommandContext,
  onCall: (call: DemoCall, index: number) => void,
): Promise<DemoResult> {
  const session = `demo-${io.randomHex(4)}`;
  const standIn = await startStandIn({ now: io.now });
  const calls: DemoCall[] = [];
  try {
    const { now, elapsedMs, signal } = io;
    for await (const call of runStory({ home, session, standIn, signal, now, elapsedMs })) {
      calls.push(call);
      onCall(call, calls.length);
    }
  } finally {
    await standIn.close();
  }
  const { ledger } = locateScope(home, DEMO_SCOPE);
  const ledgerUsd = await sumSession(ledger, session, io.signal);
  const progress = createProgress(io, quiet);
  const job = {
    path: ledger,
    source: ledger,
    options: (await addPolicies({ backend: nodeBackend }, [], ledger)).options,
    progress,
    signal: io.signal,
  };
  const verification = await verifyFile(job).finally(() => progress.clear());
  return { session, calls, ledgerUsd, billUsd: standIn.bill.total(), verification };
}

/** What the ledger says was spent in a session, read back from the file. */
async function sumSession(path: string, session: string, signal: AbortSignal): Promise<Usd> {
  let sum = 0n;
  for await (const { receipt } of scanRows(path, [session], signal)) {
    if (receipt.decision.entryType === 'settlement')
      sum += parseUsd(textAt(receipt.decision, 'actualUsd') ?? '') ?? 0n;
  }
  return sum;
}

function hasNo({ report }: FileOutcome): boolean {
  return Object.values(report.verdicts).some((verdict) => verdict.answer === 'no');
}

function printOpening(out: Printer): void {
  out.line([bold('A guarded agent'), ' against a built-in stand-in for OpenRouter: no key, no network.'], 2);
  out.line('Two caps on this run: from $0.05 on a cheaper model, and never more than $0.10.', 2);
  out.blank();
}

function printCall(out: Printer, call: DemoCall, index: number): void {
  const { decision, settlement, refusal, events, tookMs, title } = call;
  const action = textAt(decision, 'action') ?? 'unknown';
  const asked = shortenModel(textAt(decision, 'modelRequested'));
  const used = shortenModel(textAt(decision, 'modelResolved'));
  const model = asked === used ? asked : `${asked} → ${used}`;
  const cost = settlement ? `cost $${textAt(settlement, 'actualUsd') ?? '?'}` : 'nothing sent';
  const details: Part[] = [`${model}, ${cost}`];
  if (events > 0) details.push(`, ${events} events`);
  if (tookMs >= 300) details.push(`, ${(tookMs / 1000).toFixed(1)} s`);
  const label = `${index}  ${action}`.padEnd(CALL_INDENT);
  out.line([paint(ACTION_STYLES[action] ?? 'cyan', label), title], CALL_INDENT);
  out.line([' '.repeat(CALL_INDENT), dim(details.map(String).join(''))], CALL_INDENT);
  if (!refusal) return;
  const indent = ' '.repeat(CALL_INDENT);
  out.line([indent, refusal.message], CALL_INDENT);
  if (refusal.alternatives.length > 0)
    out.line([indent, `would pass now: ${refusal.alternatives.join(', ')}`], CALL_INDENT);
}

function printClosing(context: CommandContext, result: DemoResult): void {
  const { out } = context;
  const { ledgerUsd, billUsd, verification } = result;
  out.blank();
  const isSame = ledgerUsd === billUsd;
  out.entry('  ledger', 12, [showUsd(ledgerUsd), ' spent in this run, by the receipts']);
  out.entry('  bill', 12, [
    `${showUsd(billUsd)} charged by the stand-in: `,
    isSame ? paint('green', 'the same, to the last digit') : paint('red', 'NOT THE SAME'),
  ]);
  out.blank();
  printFile(out, verification, undefined);
  printHeadline(out, verification.report.verdicts);
  out.blank();
  out.line(bold('Next'));
  out.command(suggest(context, 'verify --trace latest'));
  out.command(suggest(context, 'explain latest'));
  out.command(suggest(context, 'serve'));
}

function describeResult({ home }: CommandContext, result: DemoResult, ok: boolean) {
  return {
    ok,
    home,
    scope: DEMO_SCOPE,
    session: result.session,
    calls: result.calls.map(({ title, decision, settlement, refusal }) => ({
      title,
      decisionId: textAt(decision, 'decisionId'),
      action: textAt(decision, 'action'),
      modelRequested: textAt(decision, 'modelRequested'),
      modelResolved: textAt(decision, 'modelResolved'),
      actualUsd: settlement ? textAt(settlement, 'actualUsd') : null,
      refusal: refusal ? { code: refusal.code, alternatives: refusal.alternatives } : null,
    })),
    ledgerUsd: printUsd(result.ledgerUsd),
    billUsd: printUsd(result.billUsd),
    verification: result.verification.report,
  };
}

function shortenModel(model: string | null): string {
  return model?.replace(/^anthropic\//, '') ?? 'unknown';
}
