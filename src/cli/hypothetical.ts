/** One hypothetical call as it is typed, and what a policy says to it with the present prices and counters. Nothing is written. */
import { existsSync } from 'node:fs';
import { Budget } from '../core/budget.js';
import { createControls } from '../core/control.js';
import type { Call, Decision } from '../core/decide.js';
import { decideAll } from '../core/decide-all.js';
import { type CallFacts, decisionRow } from '../core/decision.js';
import { AgentGuardError } from '../core/errors.js';
import { findNameFault } from '../core/fields.js';
import { parseInstant } from '../core/instant.js';
import type { JsonObject } from '../core/json.js';
import { CAPABILITIES, type Capability, type Policy } from '../core/policy.js';
import { requestLimits } from '../core/policy-set.js';
import { isInside, type Scope } from '../core/scope.js';
import { createPriceBook } from '../guard/price-book.js';
import { quoteModel } from '../guard/request-quote.js';
import { listFullParts } from '../store/ledger-parts.js';
import { locateScope } from '../store/paths.js';
import { readPriceFile } from '../store/price-file.js';
import { unreadableError, usageError } from './cli-error.js';
import { type CommandContext, suggest } from './context.js';
import { type GrantOptions, readLabels } from './grant-options.js';
import { scanRows } from './ledger-scan.js';

/** The options of `policy explain`. */
export interface HypotheticalOptions extends GrantOptions {
  readonly model?: string;
  readonly scope?: string;
  readonly capability?: string;
  readonly inputTokens?: string;
  readonly maxOutputTokens?: string;
  readonly at?: string;
}

/** What would be decided, and from what. */
export interface Hypothesis {
  readonly call: Call;
  readonly decision: Decision;
  /** The row that a guard would write, without what names a place in a ledger. */
  readonly row: JsonObject;
  readonly atMs: number;
  /** Whose counters were read; `null`: nothing was spent. */
  readonly counters: { readonly path: string; readonly rows: number } | null;
  readonly notes: readonly string[];
}

const HINT = 'agentguard policy explain policy.json --model openai/gpt-5-mini --input-tokens 2000';
const DEFAULT_INPUT_TOKENS = 1_000;

/**
 * Decides the call.
 *
 * @throws CliError for options that are none, a scope outside the policy, or a ledger that was named and is not there.
 */
export async function decideHypothesis(
  context: CommandContext,
  policy: Policy,
  options: HypotheticalOptions,
): Promise<Hypothesis> {
  const { model } = options;
  const fault = model === undefined ? 'is missing' : findNameFault(model);
  if (model === undefined || fault !== undefined) throw usageError(`--model ${fault}`, HINT);
  const atMs = readMoment(options.at) ?? context.io.now();
  const actor = readActor(policy, options);
  const capabilityClaim = readCapability(options.capability);
  const bounds = readBounds(policy, options);
  const { table, notes } = await findPrices(context);
  const { budget, controls, counters } = await readCounters(context, policy, actor.tenantId, options.scope);
  const prices = createPriceBook(table);
  const { priceHeadroomPpm } = requestLimits([policy]);
  const span = { inputTokens: bounds.inputTokens, nowMs: atMs };
  const call: Call = {
    actor,
    run: actor.sessionId ?? 'hypothetical',
    model,
    capabilityClaim,
    quote: (name) => quoteModel(prices, name, span, () => bounds, priceHeadroomPpm),
    action: 'llm.generate',
    name: prices.name,
    listFallbacks: () => [],
    upstream: { provider: actor.provider ?? 'openrouter', routes: [] },
    listCandidates: () => prices.listCandidates(model),
    stop: controls.findStop(),
    grants: controls.listGrants(atMs),
  };
  const totals = budget.totals.bind(budget);
  const decision = decideAll([policy], totals, call, atMs);
  const row = decisionRow(decision, describeFacts(call, atMs));
  return { call, decision, row, atMs, counters, notes };
}

function describeFacts({ actor, run, capabilityClaim }: Call, timestampMs: number): CallFacts {
  const provider = actor.provider ?? 'openrouter';
  return {
    decisionId: 'hypothetical',
    attempt: 1,
    timestampMs,
    actor,
    provider,
    path: 'hypothetical',
    instance: '',
    run,
    capabilityClaim,
  };
}

/** The labels of the policy's scope with those of the options on top. */
function readActor(policy: Policy, options: HypotheticalOptions): Scope {
  const tenantId = options.scope ?? policy.scope.tenantId ?? 'default';
  const actor = { ...policy.scope, ...readLabels(options), tenantId };
  if (isInside(actor, policy.scope)) return actor;
  const outside = `the call ${JSON.stringify(actor)} lies outside the policy's scope ${JSON.stringify(policy.scope)}`;
  throw usageError(outside, 'a guard with this policy would refuse that scope when it is made');
}

function readBounds(policy: Policy, options: HypotheticalOptions) {
  const inputTokens = readCount('input-tokens', options.inputTokens) ?? DEFAULT_INPUT_TOKENS;
  const outputTokens =
    readCount('max-output-tokens', options.maxOutputTokens) ?? requestLimits([policy]).defaultMaxOutputTokens;
  return {
    inputTokens,
    outputTokens,
    expectedInputTokens: inputTokens,
    expectedOutputTokens: outputTokens,
    writesCache: false,
  };
}

function readCount(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw usageError(`--${flag} takes a whole number of tokens, found ${JSON.stringify(text)}`, HINT);
}

function readMoment(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const atMs = parseInstant(text);
  if (atMs !== undefined) return atMs;
  throw usageError(`--at takes a moment such as 2026-10-01T18:00:00Z, found ${JSON.stringify(text)}`, HINT);
}

function readCapability(text: string | undefined): Capability | undefined {
  const found = CAPABILITIES.find((one) => one === text);
  if (text === undefined || found !== undefined) return found;
  throw usageError(
    `--capability takes one of ${CAPABILITIES.join(', ')}, found ${JSON.stringify(text)}`,
    HINT,
  );
}

async function findPrices(context: CommandContext) {
  const without = (why: string) => ({
    table: undefined,
    notes: [`no model has a known price: ${why}; ${suggest(context, 'models --sync-pricing')} fetches them`],
  });
  try {
    const reading = await readPriceFile(context.home);
    if (reading?.table) return { table: reading.table, notes: [] };
    return without(reading?.problem ?? `there is no price table in ${context.home}`);
  } catch (error) {
    if (!(error instanceof AgentGuardError)) throw error;
    return without(error.message);
  }
}

/** From the ledger of the tenant: all of it, since no snapshot keeps counters for caps that were never in force. */
async function readCounters(
  context: CommandContext,
  policy: Policy,
  tenantId: string,
  named: string | undefined,
) {
  const budget = new Budget(policy.caps);
  const controls = createControls();
  const { ledger, folder } = locateScope(context.home, tenantId);
  const isThere = existsSync(ledger) || (existsSync(folder) && listFullParts(folder).length > 0);
  if (!isThere) {
    if (named !== undefined)
      throw unreadableError(`there is no ledger of the scope ${JSON.stringify(named)} in ${context.home}`);
    return { budget, controls, counters: null };
  }
  let rows = 0;
  for await (const { receipt, timestampMs } of scanRows(ledger, [], context.io.signal)) {
    budget.apply(receipt, timestampMs);
    controls.apply(receipt, timestampMs);
    rows++;
  }
  return { budget, controls, counters: { path: ledger, rows } };
}
