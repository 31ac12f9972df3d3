/** `agentguard stop`, `resume` and `grant`: an operator's word to all guards of a scope, as a signed row (docs/cli.md). */

import { MAX_OPERATOR_TEXT } from '../../core/control-row.js';
import { AgentGuardError } from '../../core/errors.js';
import { findNameFault } from '../../core/fields.js';
import type { Receipt } from '../../core/receipt.js';
import { type ControlRequest, grantScope, resumeScope, stopScope } from '../../store/control.js';
import { listScopes } from '../../store/paths.js';
import { CliError, describeFailure, unreadableError, usageError } from '../cli-error.js';
import { type CommandContext, suggest } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { type GrantOptions, readGrantTerms } from '../grant-options.js';
import { bold, shorten } from '../print.js';

export interface ControlOptions {
  readonly scope?: readonly string[];
  readonly reason?: string;
  readonly by?: string;
}

/** What became of one scope: its row, or why there is none. */
interface Outcome {
  readonly scope: string;
  /** `undefined`: nothing had to be written. */
  readonly receipt: Receipt | undefined;
  readonly error: AgentGuardError | undefined;
}

/** Runs `stop`. One scope that cannot be reached does not keep the others running. */
export async function runStop(context: CommandContext, options: ControlOptions): Promise<ExitCode> {
  const outcomes = await actOnScopes(context, options, stopScope);
  return finish(context, outcomes, {
    done: 'stopped: no call is allowed from here on',
    nothing: 'was stopped before',
  });
}

/** Runs `resume`. */
export async function runResume(context: CommandContext, options: ControlOptions): Promise<ExitCode> {
  const outcomes = await actOnScopes(context, options, resumeScope);
  return finish(context, outcomes, { done: 'resumed: calls are decided again', nothing: 'was not stopped' });
}

/** Runs `grant`, for one scope. */
export async function runGrant(
  context: CommandContext,
  options: ControlOptions & GrantOptions,
): Promise<ExitCode> {
  const terms = readGrantTerms(options, context.io.now());
  const scopes = await chooseScopes(context, options.scope);
  if (scopes.length > 1)
    throw usageError(`a grant is for one scope, and there are ${scopes.length}`, 'name it with --scope');
  const outcomes = await actOnScopes(context, { ...options, scope: scopes }, (request) =>
    grantScope({ ...request, ...terms }),
  );
  return finish(context, outcomes, { done: 'granted', nothing: '' });
}

async function actOnScopes(
  context: CommandContext,
  options: ControlOptions,
  act: (request: ControlRequest) => Promise<Receipt | undefined>,
): Promise<readonly Outcome[]> {
  const { home, io } = context;
  const words = { by: readWords('--by', options.by), reason: readWords('--reason', options.reason) };
  const scopes = await chooseScopes(context, options.scope);
  const attempts = scopes.map(async (scope): Promise<Outcome> => {
    try {
      return { scope, receipt: await act({ home, scope, nowMs: io.now(), ...words }), error: undefined };
    } catch (error) {
      if (!(error instanceof AgentGuardError)) throw error;
      return { scope, receipt: undefined, error };
    }
  });
  // At once: a scope whose lock is held must not delay the others.
  return Promise.all(attempts);
}

/** The scopes that were named, else all of the home. @throws CliError for one that is not there */
async function chooseScopes(
  context: CommandContext,
  named: readonly string[] | undefined,
): Promise<readonly string[]> {
  const known = (await listScopes(context.home)).map(({ scope }) => scope);
  const unknown = named?.find((scope) => !known.includes(scope));
  if (unknown !== undefined)
    throw unreadableError(
      `there is no scope ${shorten(unknown, 40)} in ${context.home}`,
      known.length === 0
        ? undefined
        : `known are ${known
            .slice(0, 5)
            .map((one) => shorten(one, 40))
            .join(', ')}`,
    );
  if (known.length === 0)
    throw unreadableError(`there is no ledger in ${context.home}`, 'name another home with --home');
  return named ? [...new Set(named)] : known;
}

function readWords(flag: string, text: string | undefined): string | undefined {
  const fault = text === undefined ? undefined : findNameFault(text, MAX_OPERATOR_TEXT);
  if (fault !== undefined) throw usageError(`${flag} ${fault}`);
  return text;
}

/** Prints what was done; a scope that failed is the error of the whole. */
function finish(
  context: CommandContext,
  outcomes: readonly Outcome[],
  words: { readonly done: string; readonly nothing: string },
): ExitCode {
  const { out, json, quiet } = context;
  if (json) out.json({ scopes: outcomes.map(describeOutcome) });
  else if (!quiet)
    for (const outcome of outcomes.filter(({ error }) => !error)) printOutcome(context, outcome, words);
  const [failed, ...more] = outcomes.filter(({ error }) => error);
  if (!failed?.error) return EXIT_CODES.ok;
  const { exitCode = EXIT_CODES.unreadable } = describeFailure(failed.error) ?? {};
  const others =
    more.length === 0
      ? ''
      : ` (and ${more.length} more: ${more.map(({ scope }) => shorten(scope, 40)).join(', ')})`;
  throw new CliError(
    exitCode,
    `${shorten(failed.scope, 40)}: ${failed.error.message}${others}`,
    failed.error.hint,
  );
}

function describeOutcome({ scope, receipt, error }: Outcome) {
  return {
    scope,
    changed: receipt !== undefined,
    decision: receipt?.decision ?? null,
    error: error ? { code: error.code, message: error.message } : null,
  };
}

function printOutcome(
  context: CommandContext,
  { scope, receipt }: Outcome,
  words: { readonly done: string; readonly nothing: string },
): void {
  const { out } = context;
  const name = shorten(scope, 40);
  if (!receipt) {
    out.line([bold(name), ` ${words.nothing}; no row was written`], 2);
    return;
  }
  const { decision, signerFingerprint } = receipt;
  out.line([bold(name), ` ${words.done}${tellGrant(decision)}`], 2);
  out.line(
    `  row ${String(decision.ledgerIndex)}, signed by ${signerFingerprint}, id ${String(decision.decisionId)}`,
    4,
  );
  if (decision.control === 'stop') out.command(suggest(context, 'resume'));
}

function tellGrant({ amountUsd, until, capPolicyId, capIndex }: Receipt['decision']): string {
  if (typeof amountUsd !== 'string') return '';
  const where = typeof capIndex === 'number' ? `cap ${capIndex}` : 'each money cap with a window';
  const of = typeof capPolicyId === 'string' ? ` of the policy ${shorten(capPolicyId, 60)}` : '';
  return `: $${amountUsd} more on ${where}${of} until ${String(until)}`;
}
