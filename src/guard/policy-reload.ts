/**
 * The policies in force while their files change: a good edit is recorded and decides from then on, a bad one is
 * recorded and changes nothing (docs/policy.md "A file that changes").
 */
import { randomUUID } from 'node:crypto';
import { Budget } from '../core/budget.js';
import type { Controls } from '../core/control.js';
import { type ControlFacts, policyChangeRow, policyRejectedRow } from '../core/control-row.js';
import { AgentGuardError } from '../core/errors.js';
import type { FieldProblem } from '../core/fields.js';
import type { JsonObject } from '../core/json.js';
import type { Policy } from '../core/policy.js';
import { parsePolicy } from '../core/policy-reader.js';
import { isInside, type Scope } from '../core/scope.js';
import type { Draft, LedgerView, SpendStore, Written } from '../core/spend-store.js';
import { nodeBackend } from '../store/node-crypto.js';
import type { PolicyNews, PolicyWatch } from '../store/policy-watch.js';

/** The file of one of the guard's policies. */
export interface PolicyFile {
  /** Place among the policies of the guard. */
  readonly index: number;
  readonly watch: PolicyWatch;
  /** The policy as its owner approved it. @throws AgentGuardError when nobody did who has to. */
  readonly approve: (policy: Policy) => Promise<Policy>;
}

/** What decides at present. */
export interface InForce {
  policies: readonly Policy[];
  /** Keeps what the caps of these policies count. */
  budget: Budget;
}

/** What a reloader needs of its guard. */
export interface ReloadWorld {
  readonly files: readonly PolicyFile[];
  /** Changed in place. */
  readonly inForce: InForce;
  readonly controls: Controls;
  /** Of the guard itself: every policy has to be for it. */
  readonly scope: Scope;
  readonly clock: () => number;
  readonly sign: (decision: JsonObject) => Draft;
  /** Hears each row that was written. */
  readonly announce: (written: Written<unknown>) => void;
  readonly warn: (message: string) => void;
}

/** What one bad edit said, so that it is said once. */
type Told = Map<PolicyFile, string>;

export interface Reloader {
  /**
   * Takes over what changed, if it is time to look. Calls at the same time share one look.
   *
   * @throws AgentGuardError when the change cannot be recorded; it is then tried again by the next call.
   */
  reload(store: SpendStore): Promise<void>;
  /** Whether `reload` would look. */
  isDue(): boolean;
}

/** What a file says, and has not been taken over yet. */
interface Edit {
  readonly file: PolicyFile;
  readonly policy: Policy | undefined;
  readonly problems: readonly FieldProblem[];
  readonly contentHash: string | undefined;
}

export function createReloader(world: ReloadWorld): Reloader {
  /** By file; until taken over. An edit that is in force later waits here. */
  const edits = new Map<PolicyFile, Edit>();
  const told: Told = new Map();
  let running: Promise<void> | undefined;

  async function run(store: SpendStore): Promise<void> {
    for (const file of world.files) {
      const news = await file.watch.look();
      if (news) edits.set(file, await judge(world, file, news));
    }
    for (const [file, edit] of edits) {
      const { policy } = edit;
      if (policy && policy.effectiveFromMs > world.clock()) continue;
      if (policy) await adopt(world, store, file, policy);
      else await reject(world, store, edit, told);
      if (policy) told.delete(file);
      if (edits.get(file) === edit) edits.delete(file);
    }
  }
  return {
    isDue: () => edits.size > 0 || world.files.some(({ watch }) => watch.isDue()),
    reload(store) {
      running ??= run(store).finally(() => {
        running = undefined;
      });
      return running;
    },
  };
}

/** Reads an edit as the guard read the file when it was made. */
async function judge(world: ReloadWorld, file: PolicyFile, news: PolicyNews): Promise<Edit> {
  const { contentHash } = news;
  const bad = (problems: readonly FieldProblem[]): Edit => ({
    file,
    policy: undefined,
    problems,
    contentHash,
  });
  if (!news.ok) return bad(news.problems);
  const reading = parsePolicy(news.value, nodeBackend);
  if (!reading.ok) return bad(reading.problems);
  const { scope } = reading.policy;
  if (!isInside(world.scope, scope))
    return bad([
      { path: 'scope', message: `is ${JSON.stringify(scope)}, and this guard is for other calls` },
    ]);
  try {
    return { file, policy: await file.approve(reading.policy), problems: [], contentHash };
  } catch (error) {
    if (!(error instanceof AgentGuardError)) throw error;
    return bad([{ path: '', message: error.message }]);
  }
}

/** The row first: no call is decided by a policy that the ledger does not name. */
async function adopt(world: ReloadWorld, store: SpendStore, file: PolicyFile, policy: Policy): Promise<void> {
  const { inForce, controls } = world;
  const before = inForce.policies[file.index];
  if (!before) throw new RangeError('A policy file stands for one of the policies of the guard');
  const isSame = policy.policyHash === before.policyHash;
  if (isSame && !controls.findPolicy(before.id)?.rejected) {
    inForce.policies = inForce.policies.with(file.index, policy);
    return;
  }
  const policies = inForce.policies.with(file.index, policy);
  const budget = new Budget(policies.flatMap(({ caps }) => caps));
  // Counters of the same name are the same: other limits need no second look at the history.
  const isNew = budget.name !== inForce.budget.name;
  if (isNew) store.attach(budget);
  try {
    await record(world, store, (facts) => {
      const last = controls.findPolicy(policy.id);
      // Another process was first. A recovery is told once, too.
      const isTold = last?.hash === policy.policyHash && last.hashBefore === before.policyHash;
      return isTold && !last.rejected ? undefined : policyChangeRow(facts, before, policy);
    });
  } catch (error) {
    if (isNew) store.detach(budget);
    throw error;
  }
  if (isNew) store.detach(inForce.budget);
  inForce.policies = policies;
  if (isNew) inForce.budget = budget;
}

async function reject(world: ReloadWorld, store: SpendStore, edit: Edit, told: Told): Promise<void> {
  const { file, problems, contentHash } = edit;
  const inForce = world.inForce.policies[file.index];
  if (!inForce) return;
  const list = problems.map(({ path, message }) => `${path} ${message}`.trim()).join('; ');
  const said = `${contentHash} ${list}`;
  if (told.get(file) !== said)
    world.warn(
      `agentguard: the policy file ${JSON.stringify(file.watch.path)} changed and is refused; policy "${inForce.id}" as it was before stays in force: ${list}`,
    );
  told.set(file, said);
  const paths = problems.map(({ path }) => path.slice(0, MAX_PATH_LENGTH)).slice(0, MAX_PATHS);
  await record(world, store, (facts) => {
    const known = world.controls.findPolicy(inForce.id)?.rejected;
    if (known && known.contentHash === (contentHash ?? '')) return undefined;
    return policyRejectedRow(facts, inForce, { contentHash, paths });
  });
}

const MAX_PATHS = 20;
const MAX_PATH_LENGTH = 200;

/** Writes one row, unless it is already said. */
async function record(
  world: ReloadWorld,
  store: SpendStore,
  draw: (facts: ControlFacts) => JsonObject | undefined,
): Promise<void> {
  const written = await store.transact((view: LedgerView) => {
    const timestampMs = Math.max(world.clock(), view.lastTimestampMs);
    const row = draw({ id: randomUUID(), timestampMs, tenantId: world.scope.tenantId });
    return { result: undefined, drafts: row ? [world.sign(row)] : [] };
  });
  await written.durable();
  world.announce(written);
}
