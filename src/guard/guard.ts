/**
 * The guard: catch up → decide → sign → append → call → settle (ARCHITECTURE.md). It knows calls and money, not HTTP:
 * `gate.ts` and `openai.ts` bring the calls.
 */
import { randomUUID } from 'node:crypto';
import { Budget } from '../core/budget.js';
import { type Controls, createControls } from '../core/control.js';
import type { Decision } from '../core/decide.js';
import { decideAll } from '../core/decide-all.js';
import { type CallFacts, decisionRow } from '../core/decision.js';
import { AgentGuardError } from '../core/errors.js';
import { printGiven } from '../core/given.js';
import type { JsonObject } from '../core/json.js';
import type { Policy } from '../core/policy.js';
import type { Quote } from '../core/price.js';
import { maxPriceAgeMs } from '../core/price-age.js';
import type { PriceTable } from '../core/price-table.js';
import type { Receipt } from '../core/receipt.js';
import type { Scope } from '../core/scope.js';
import { abandonedRow, type Settlement } from '../core/settlement.js';
import type { LedgerView, SpendStore, Written } from '../core/spend-store.js';
import { AgentGuardBlockedError } from './blocked-error.js';
import { type AllowedCall, type CallRequest, unknownCost } from './call.js';
import { decisionTime, requireEffective } from './decision-time.js';
import { type Ending, endingRows } from './ending.js';
import { isModelId } from './labels.js';
import { announceRows, warn } from './listeners.js';
import type { CallContext, GuardSetup } from './options.js';
import { narrowContext, requireInside } from './options.js';
import { createPolicyKeeper, type PolicyKeeper } from './policy-keeper.js';
import { createReloader, type Reloader } from './policy-reload.js';
import { createPriceBook, type PriceBook } from './price-book.js';
import { awaitHolds, findAbandoned, isFull } from './wait.js';

interface Ruling {
  readonly decision: Decision;
  readonly facts: CallFacts;
  /** What the decision read besides. */
  readonly given: JsonObject;
}

/** Everything that guards of one ledger, policy and key share; views differ in scope and claim only. */
interface Shared {
  readonly setup: GuardSetup;
  /** Those of the setup; from the first call on with the owners who signed them. */
  policies: readonly Policy[];
  /** Keeps what their caps count. Both change with the files of the policies. */
  budget: Budget;
  /** Made when the store is open. */
  reloader: Reloader | undefined;
  /** Stops and grants of the ledger. */
  readonly controls: Controls;
  readonly keeper: PolicyKeeper;
  /** Names this guard: what `per_run` counts by without a session. */
  readonly run: string;
  readonly open: Map<string, AllowedCall>;
  /** The price table that was warned about for its age. */
  notedTable: string | undefined;
  /** What is known of calls that ended, while the ledger could not be written. */
  readonly unwritten: Ending[];
  /** Opened by the first call. */
  store: Promise<SpendStore> | undefined;
  closed: boolean;
  readonly closing: AbortController;
}

export class Guard {
  readonly #shared: Shared;
  readonly #scope: GuardSetup['scope'];
  readonly #claim: GuardSetup['capabilityClaim'];
  /** The policies that this scope was found to lie inside. */
  #fitting: readonly Policy[];
  #actor: Scope | undefined;
  /** The setup of this view; made anew where the policies are others. */
  #setup: GuardSetup;

  constructor(
    setup: GuardSetup,
    view?: { readonly of: Guard } & Pick<GuardSetup, 'scope' | 'capabilityClaim'>,
  ) {
    this.#shared = view
      ? view.of.#shared
      : {
          setup,
          policies: setup.policies,
          budget: new Budget(setup.policies.flatMap(({ caps }) => caps)),
          controls: createControls(),
          keeper: createPolicyKeeper(),
          reloader: undefined,
          run: randomUUID(),
          open: new Map(),
          notedTable: undefined,
          unwritten: [],
          store: undefined,
          closed: false,
          closing: new AbortController(),
        };
    this.#scope = view?.scope ?? setup.scope;
    this.#claim = view ? view.capabilityClaim : setup.capabilityClaim;
    this.#fitting = setup.policies;
    this.#setup = { ...setup, scope: this.#scope, capabilityClaim: this.#claim };
  }

  get setup(): GuardSetup {
    const { policies } = this.#shared;
    if (this.#setup.policies !== policies) this.#setup = { ...this.#setup, policies };
    return this.#setup;
  }

  /** A guard on the same ledger and counters whose calls carry other labels. */
  view(context: CallContext): Guard {
    return new Guard(this.setup, { of: this, ...narrowContext(this.setup, context) });
  }

  /** The prices in force: the overrides of this process over the newest table of the home. */
  async readPrices(): Promise<PriceBook> {
    const table = await this.#shared.setup.readPriceTable();
    if (table) this.#noteAge(table);
    return createPriceBook(table);
  }

  /** Warns of old prices, once for each table. A time that cannot be read is no proof of freshness. */
  #noteAge({ fetchedAt, contentHash }: PriceTable): void {
    const shared = this.#shared;
    if (contentHash === shared.notedTable) return;
    if (shared.setup.clock() - Date.parse(fetchedAt) <= maxPriceAgeMs(shared.policies)) return;
    shared.notedTable = contentHash;
    warn(
      new Error(`the price table is from ${fetchedAt}: agentguard models --sync-pricing fetches a new one`),
    );
  }

  /**
   * Decides one call and records the decision. While only running calls keep a block cap from fitting, it waits.
   *
   * @throws AgentGuardBlockedError when the policy refuses.
   * @throws AgentGuardError when the ledger cannot be written or trusted; nothing was decided.
   * @throws the signal's reason when aborted while waiting; nothing was recorded.
   */
  async authorize(request: CallRequest): Promise<AllowedCall> {
    const store = await this.#openStore();
    // A ledger that lost an ending before must be whole again before it decides anew.
    if (this.#shared.unwritten.length > 0) await this.#writeEndings();
    const deadlineMs = performance.now() + this.#shared.setup.waitForHoldsMs;
    let mayWait = this.#shared.setup.waitForHoldsMs > 0;
    let mayClear = true;
    for (;;) {
      request.signal?.throwIfAborted();
      // Also for a call that waited: what it may do is decided by the policy of now.
      const { reloader } = this.#shared;
      if (reloader?.isDue()) await reloader.reload(store);
      // 1. Catch up, decide, sign and append as one step that no other process can come between.
      const step = await store.transact((view) => {
        const ruling = this.#rule(request, view, store.instanceId);
        const clears = mayClear && ruling.decision.checks.some(isFull);
        const waits = mayWait && ruling.decision.heldBack.length > 0;
        return { result: { ruling, waits, clears }, drafts: waits || clears ? [] : [this.#draft(ruling)] };
      });
      const { ruling, waits, clears } = step.result;
      if (clears) {
        // Calls of processes that died are in flight no longer: what they cost stays unknown.
        mayClear = await this.#endAbandoned(store, ruling);
        continue;
      }
      // 2. Recorded: once it is on disk, the call is refused or may be sent.
      if (!waits) return this.#admit(store, ruling, step);
      // 3. Only running calls stand in the way: wait for one to end, as long as that can help.
      mayWait = await awaitHolds(store, this.#shared.budget, ruling, deadlineMs, request.signal);
    }
  }

  /**
   * Records what a call attempt really cost. A second settlement of the same attempt is ignored. One that cannot be
   * written now is written before the next decision, or at close.
   *
   * @returns whether it was recorded.
   * @throws AgentGuardError when the ledger cannot be written.
   */
  async settle(call: AllowedCall, settlement: Settlement): Promise<boolean> {
    const { open, unwritten } = this.#shared;
    if (!open.delete(keyOf(call.facts))) return false;
    unwritten.push({ call, settlement });
    await this.#writeEndings();
    return true;
  }

  /** Settles a call whose answer is there and paid for: a ledger that fails then warns, and refuses the next call. */
  async settleOrWarn(call: AllowedCall, settlement: Settlement): Promise<boolean> {
    try {
      return await this.settle(call, settlement);
    } catch (error) {
      warn(error);
      return false;
    }
  }

  /** Records the true cost of an attempt that was settled as unknown, unless the guard was closed meanwhile. */
  async supersede(call: AllowedCall, settlement: Settlement): Promise<void> {
    if (this.#shared.closed) return;
    this.#shared.unwritten.push({ call, settlement });
    await this.#writeEndings().catch((error: unknown) => warn(error));
  }

  /** Aborted when the guard is closed. */
  get closing(): AbortSignal {
    return this.#shared.closing.signal;
  }

  /** Settles calls in the way whose processes are gone, as unknown; says whether there were any. */
  async #endAbandoned(store: SpendStore, ruling: Ruling): Promise<boolean> {
    const { setup } = this.#shared;
    const holds = await findAbandoned(store, this.#shared.budget, ruling);
    if (holds.length === 0) return false;
    const { policy } = ruling.decision;
    const written = await store.transact((view) => {
      const nowMs = Math.max(setup.clock(), view.lastTimestampMs);
      // Another process may have been first.
      const open = holds.filter((hold) => this.#shared.budget.isRunning(hold));
      const rows = open.map((hold) => abandonedRow(policy, hold, randomUUID(), nowMs));
      return { result: undefined, drafts: rows.map((decision) => this.#sign(decision)) };
    });
    this.#announce(written.receipts);
    return true;
  }

  /** Writes every ending that is not in the ledger yet; what fails stays for the next time. */
  async #writeEndings(): Promise<void> {
    const { setup, unwritten, store: opened } = this.#shared;
    const endings = unwritten.splice(0);
    if (endings.length === 0 || !opened) return;
    try {
      const store = await opened;
      const written = await store.transact((view) => {
        const nowMs = Math.max(setup.clock(), view.lastTimestampMs);
        const rows = endings.flatMap((ending) => endingRows(ending, nowMs));
        return { result: undefined, drafts: rows.map((decision) => this.#sign(decision)) };
      });
      this.#announce(written.receipts);
    } catch (error) {
      unwritten.unshift(...endings);
      throw error;
    }
  }

  /** Settles what is still running as unknown, flushes, and lets go of the ledger. Idempotent. */
  async close(): Promise<void> {
    const shared = this.#shared;
    if (shared.closed) return;
    shared.closed = true;
    shared.closing.abort();
    for (const call of shared.open.values())
      shared.unwritten.push({ call, settlement: unknownCost(call, 'aborted') });
    shared.open.clear();
    try {
      await this.#writeEndings();
    } finally {
      const store = await shared.store;
      store?.detach(shared.budget);
      store?.detach(shared.controls);
      if (shared.setup.closesStore) await store?.close();
    }
  }

  /** The row is flushed; a refusal is thrown, anything else may be sent. */
  async #admit(store: SpendStore, ruling: Ruling, written: Written<unknown>): Promise<AllowedCall> {
    const { decision, facts } = ruling;
    const receipt = written.receipts[0];
    if (!receipt) throw new TypeError('the store returned no receipt for a decision');
    const call = { decision, facts, receipt };
    if (decision.action !== 'block') this.#shared.open.set(keyOf(facts), call);
    await Promise.all([written.durable(), this.#shared.keeper.keep(store, decision)]);
    this.#announce(written.receipts);
    if (this.#shared.closed) throw closedError();
    if (decision.action === 'block') throw new AgentGuardBlockedError(decision, receipt, facts.timestampMs);
    return call;
  }

  #rule(request: CallRequest, view: LedgerView, instance: string): Ruling {
    const { setup, policies, budget, controls } = this.#shared;
    const timestampMs = decisionTime(setup.clock(), view.lastTimestampMs);
    for (const { id, effectiveFromMs } of policies) requireEffective(id, effectiveFromMs, timestampMs);
    // An edit of a policy was held to the guard's own scope, not to that of each view.
    if (policies !== this.#fitting) requireInside(this.#scope, policies);
    this.#fitting = policies;
    const { retryOf } = request;
    const facts: CallFacts = {
      decisionId: retryOf?.facts.decisionId ?? randomUUID(),
      attempt: (retryOf?.facts.attempt ?? 0) + 1,
      timestampMs,
      actor: this.#actorFor(request.provider),
      provider: request.provider,
      path: request.path,
      instance,
      run: this.#scope.sessionId ?? this.#shared.run,
      capabilityClaim: this.#claim,
    };
    const quotes = new Map<string, Quote>();
    const call = {
      actor: facts.actor,
      run: facts.run,
      model: request.model,
      capabilityClaim: this.#claim,
      quote: (model: string) => {
        const quote = quotes.get(model) ?? request.quote(model, timestampMs);
        quotes.set(model, quote);
        return quote;
      },
      action: request.action,
      name: request.prices.name,
      listFallbacks: request.listFallbacks,
      upstream: { provider: request.provider, routes: request.routes ?? [] },
      listCandidates: () => request.prices.listCandidates(request.model),
      isRetry: retryOf !== undefined,
      stop: controls.findStop(),
      grants: controls.listGrants(timestampMs),
    };
    const decision = decideAll(
      policies,
      (cap, atMs, caller) => budget.totals(cap, atMs, caller),
      call,
      timestampMs,
    );
    return { decision, facts, given: printGiven(policies, call, decision, quotes, isModelId) };
  }

  /** The guard's scope with a provider; kept, because one client has one. */
  #actorFor(provider: string): Scope {
    const asked = this.#scope.provider ?? provider;
    if (this.#actor?.provider !== asked) this.#actor = { ...this.#scope, provider: asked };
    return this.#actor;
  }

  #draft({ decision, facts, given }: Ruling) {
    return this.#sign(decisionRow(decision, facts, given));
  }

  #sign(decision: JsonObject) {
    const { signer } = this.#shared.setup;
    return signer ? { decision, signer } : { decision };
  }

  #openStore(): Promise<SpendStore> {
    const shared = this.#shared;
    if (shared.closed) throw closedError();
    shared.store ??= this.#approveAndOpen().then(
      (store) => {
        store.attach(shared.budget);
        store.attach(shared.controls);
        shared.reloader = this.#follow();
        return store;
      },
      (error: unknown) => {
        // What is wrong may be mended meanwhile: the next call tries again.
        shared.store = undefined;
        throw error;
      },
    );
    return shared.store;
  }

  /** Takes over what changes in the files of the policies, between calls. */
  #follow(): Reloader | undefined {
    const { setup, controls } = this.#shared;
    if (setup.policyFiles.length === 0) return undefined;
    return createReloader({
      files: setup.policyFiles,
      inForce: this.#shared,
      controls,
      scope: setup.scope,
      clock: setup.clock,
      sign: (decision) => this.#sign(decision),
      announce: ({ receipts }) => this.#announce(receipts),
      warn,
    });
  }

  /** Nothing is opened, and no key made, for a policy that may not decide. */
  async #approveAndOpen(): Promise<SpendStore> {
    const { setup } = this.#shared;
    this.#shared.policies = await setup.approvePolicies();
    return setup.openStore();
  }

  #announce(receipts: readonly Receipt[]): void {
    announceRows(this.#shared.setup, receipts);
  }
}

function closedError(): AgentGuardError {
  return new AgentGuardError('LEDGER_CLOSED', 'this guard was closed', {
    hint: 'make a new one, or close later',
  });
}

function keyOf(facts: CallFacts): string {
  return `${facts.decisionId}#${facts.attempt}`;
}
