/** What a caller hands to the guard, read and checked once, before the first call. */

import { isHex } from '../core/bytes.js';
import type { Signer } from '../core/crypto.js';
import { AgentGuardError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import { CAPABILITIES, type Capability, type Policy } from '../core/policy.js';
import { joinScopes } from '../core/policy-set.js';
import type { PriceTable } from '../core/price-table.js';
import type { Receipt } from '../core/receipt.js';
import { isInside, parseScope, type Scope, type Selector } from '../core/scope.js';
import type { SpendStore } from '../core/spend-store.js';
import { readConfigFile } from '../store/config-file.js';
import { openLedger } from '../store/ledger.js';
import { createNodeSigner } from '../store/node-crypto.js';
import { resolveHome } from '../store/paths.js';
import { createPolicyWatch } from '../store/policy-watch.js';
import { createPriceSource } from '../store/price-source.js';
import type { PolicyFile } from './policy-reload.js';
import {
  approvePolicy,
  type PolicyOwners,
  type PolicySignatures,
  type PolicySource,
  readPolicySource,
} from './policy-source.js';

/** Ed25519 key pair of the caller: 32-byte seed and 32-byte public key. */
export interface SigningKeys {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** One written row, as `onDecision` sees it: decisions and settlements alike. */
export interface DecisionEvent {
  readonly decision: JsonObject;
  readonly receipt: Receipt;
}

/** One level of a cap's `alertAt`, crossed by a call for the first time in the window. */
export interface AlertEvent {
  /** As the receipt has it in `alerts`: the cap, the level, what was spent and the limit. */
  readonly alert: JsonObject;
  readonly decision: JsonObject;
  readonly receipt: Receipt;
}

export interface GuardConfig {
  /** Signs the caller's rows. Default: the ledger's own key. */
  readonly signingKeys?: SigningKeys | undefined;
  /** Folder of all ledgers. Default: `AGENTGUARD_HOME`, else `~/.agentguard`. */
  readonly home?: string | undefined;
  /** Where rows are kept instead of the home folder. */
  readonly store?: SpendStore | undefined;
  /** `disk` (default): a row is flushed before the call is sent. `process`: it survives a crash of the process only. */
  readonly durability?: 'disk' | 'process' | undefined;
  /** Who answers, when the address does not say: `openrouter` for a stand-in. */
  readonly provider?: string | undefined;
  /** How long a call waits for running calls to free the cap, in milliseconds. Default 30,000; 0 never waits. */
  readonly waitForHoldsMs?: number | undefined;
  /** Called after each row is written. What it throws becomes a process warning, never a failed call. */
  readonly onDecision?: ((event: DecisionEvent) => void) | undefined;
  /** Called after the row of a call that crosses a level of `alertAt`, once for each. What it throws becomes a process warning. */
  readonly onAlert?: ((event: AlertEvent) => void) | undefined;
  /** Asks OpenRouter afterwards what an answer that broke off has cost. Default false. */
  readonly lookUpBrokenAnswers?: boolean | undefined;
  /** Who must have signed every policy: public keys, 64 lowercase hex digits each. Default: what `config.json` in the home says. */
  readonly policyOwner?: string | readonly string[] | undefined;
  /** Signatures of policies that are objects in code, as the signature file of `policy sign` holds them. */
  readonly policySignatures?: PolicySignatures | undefined;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly clock?: (() => number) | undefined;
}

export interface GuardOptions {
  /** Caps, rules or tasks; or the path of a file that has them. This, `policies` or both. */
  readonly policy?: PolicySource | undefined;
  /** Further policies: each is evaluated, and the strictest decides. All are of one tenant. */
  readonly policies?: readonly PolicySource[] | undefined;
  /** Whom the calls are for; inside the scope of each policy. `tenantId` names the ledger. Default: the scopes of the policies together; needed where they have none. */
  readonly scope?: Scope | undefined;
  /** What the caller asserts that this agent may do. Nothing proves it. */
  readonly capabilityClaim?: Capability | undefined;
  readonly config?: GuardConfig | undefined;
}

/** The labels that a view of a guard may set on its calls. */
export interface CallContext extends Selector {
  readonly capabilityClaim?: Capability | undefined;
}

/** The options, checked. */
export interface GuardSetup {
  /** At least one. */
  readonly policies: readonly Policy[];
  /**
   * The same policies with the owner who signed each, where the options or the home's settings pin one.
   *
   * @throws AgentGuardError POLICY_UNSIGNED, POLICY_SIGNATURE_INVALID, CONFIG_INVALID
   */
  readonly approvePolicies: () => Promise<readonly Policy[]>;
  /** The files among the policies, to be followed. */
  readonly policyFiles: readonly PolicyFile[];
  readonly scope: Scope;
  readonly capabilityClaim: Capability | undefined;
  readonly provider: string | undefined;
  readonly signer: Signer | undefined;
  readonly waitForHoldsMs: number;
  readonly onDecision: ((event: DecisionEvent) => void) | undefined;
  readonly onAlert: ((event: AlertEvent) => void) | undefined;
  readonly lookUpBrokenAnswers: boolean;
  /** The newest price table of the home; `undefined`: none was ever synced. */
  readonly readPriceTable: () => Promise<PriceTable | undefined>;
  readonly clock: () => number;
  /** Opens the store at the first call: constructing a guard touches no file. */
  readonly openStore: () => Promise<SpendStore>;
  /** Whether closing the guard closes the store: not one that the caller brought. */
  readonly closesStore: boolean;
}

const CONFIG_KEYS = [
  'signingKeys',
  'home',
  'store',
  'durability',
  'provider',
  'waitForHoldsMs',
  'onDecision',
  'onAlert',
  'lookUpBrokenAnswers',
  'policyOwner',
  'policySignatures',
  'clock',
] as const;

/**
 * Reads the options of a guard.
 *
 * @throws AgentGuardError POLICY_INVALID with every problem at once, POLICY_UNSIGNED, POLICY_SIGNATURE_INVALID, SCOPE_MISMATCH, KEY_MISMATCH.
 * @throws TypeError when an option is not what it should be.
 */
export function readOptions(options: GuardOptions): GuardSetup {
  if (typeof options !== 'object' || options === null)
    throw new TypeError('options must be an object with a policy');
  const config = readConfig(options.config ?? {});
  const owners = readOwners(config);
  const sources = listSources(options);
  const approve = (policy: Policy, source: PolicySource, pinned: PolicyOwners): Policy =>
    approvePolicy(policy, source, pinned, config.policySignatures);
  // Before they are read: what changes from here on is seen.
  const watches = sources.map((source) =>
    typeof source === 'string' ? createPolicyWatch(source) : undefined,
  );
  const policies = sources.map((source) => approve(readPolicySource(source), source, owners));
  requireOneTenant(policies);
  const scope = readScope(options.scope ?? defaultScope(policies), policies);
  const home = config.home;
  const durability = config.durability ?? 'disk';
  const prices = createPriceSource(resolveHome(home));
  const approveNow = async (policy: Policy, source: PolicySource): Promise<Policy> =>
    approve(policy, source, owners ?? (await readConfigFile(resolveHome(home))).policyOwner);
  return {
    policies,
    approvePolicies: () =>
      Promise.all(policies.map((policy, index) => approveNow(policy, sources[index] ?? ''))),
    policyFiles: watches.flatMap((watch, index) =>
      watch ? [{ index, watch, approve: (policy: Policy) => approveNow(policy, watch.path) }] : [],
    ),
    scope,
    capabilityClaim: readClaim(options.capabilityClaim),
    provider: config.provider,
    signer:
      config.signingKeys && createNodeSigner(config.signingKeys.privateKey, config.signingKeys.publicKey),
    waitForHoldsMs: config.waitForHoldsMs ?? 30_000,
    onDecision: config.onDecision,
    onAlert: config.onAlert,
    lookUpBrokenAnswers: config.lookUpBrokenAnswers === true,
    clock: config.clock ?? Date.now,
    openStore: async () => config.store ?? openLedger({ home, scope: scope.tenantId, durability }),
    closesStore: config.store === undefined,
    readPriceTable: async () => (await prices.read()).table,
  };
}

/** The scope and claim of a view: the guard's own with some labels replaced, still inside the policy. */
export function narrowContext(
  setup: GuardSetup,
  context: CallContext,
): Pick<GuardSetup, 'scope' | 'capabilityClaim'> {
  const { capabilityClaim, ...labels } = context;
  if (labels.tenantId !== undefined && labels.tenantId !== setup.scope.tenantId)
    throw new AgentGuardError('SCOPE_MISMATCH', `a view cannot leave the tenant ${setup.scope.tenantId}`, {
      hint: 'make a guard of its own for another tenant',
    });
  return {
    scope: readScope({ ...setup.scope, ...labels }, setup.policies),
    capabilityClaim: readClaim(capabilityClaim) ?? setup.capabilityClaim,
  };
}

function listSources({ policy, policies = [] }: GuardOptions): readonly PolicySource[] {
  if (!Array.isArray(policies)) throw new TypeError('policies must be an array of policies or of paths');
  const sources = policy === undefined ? [...policies] : [policy, ...policies];
  if (sources.length === 0) throw new TypeError('options must have a policy, or policies that are not empty');
  return sources;
}

/** One ledger has one tenant: a call cannot be counted under two. */
function requireOneTenant(policies: readonly Policy[]): void {
  const named = policies.filter(({ scope }) => scope.tenantId !== undefined);
  const other = named.find(({ scope }) => scope.tenantId !== named[0]?.scope.tenantId);
  const show = (policy?: Policy) =>
    `"${policy?.id}" is for the tenant ${JSON.stringify(policy?.scope.tenantId)}`;
  if (other) throw new TypeError(`all policies of a guard share a tenant: ${show(named[0])}, ${show(other)}`);
}

function defaultScope(policies: readonly Policy[]): Selector {
  const scope = joinScopes(policies);
  if (scope) return scope;
  const scopes = policies.map((policy) => `"${policy.id}" ${JSON.stringify(policy.scope)}`).join(', ');
  throw new AgentGuardError('SCOPE_MISMATCH', `no call lies inside the scope of every policy: ${scopes}`, {
    hint: 'give one guard only policies whose scopes lie inside each other',
  });
}

/** The pinned keys of the options; `undefined`: the home's settings may pin some. */
function readOwners({ policyOwner }: GuardConfig): PolicyOwners {
  if (policyOwner === undefined) return undefined;
  const keys = typeof policyOwner === 'string' ? [policyOwner] : policyOwner;
  if (
    Array.isArray(keys) &&
    keys.length > 0 &&
    keys.every((key) => typeof key === 'string' && isHex(key, 32))
  )
    return keys;
  throw new TypeError('config.policyOwner must be a public key of 64 lowercase hex digits, or several');
}

function readScope(input: Selector, policies: readonly Policy[]): Scope {
  const reading = parseScope(input);
  if (!reading.ok)
    throw new TypeError(reading.problems.map((problem) => `${problem.path} ${problem.message}`).join('; '));
  requireInside(reading.scope, policies);
  return reading.scope;
}

/** @throws AgentGuardError SCOPE_MISMATCH unless a scope lies inside that of each policy. */
export function requireInside(scope: Scope, policies: readonly Policy[]): void {
  const policy = policies.find((one) => !isInside(scope, one.scope));
  if (!policy) return;
  throw new AgentGuardError(
    'SCOPE_MISMATCH',
    `the scope ${JSON.stringify(scope)} lies outside the scope ${JSON.stringify(policy.scope)} of the policy "${policy.id}"`,
    { hint: 'give the guard a scope that has every value of the policy scope' },
  );
}

function readConfig(config: GuardConfig): GuardConfig {
  const unknown = Object.keys(config).find((key) => !(CONFIG_KEYS as readonly string[]).includes(key));
  if (unknown) throw new TypeError(`config.${unknown} is not a setting; known are ${CONFIG_KEYS.join(', ')}`);
  const { waitForHoldsMs, durability, policySignatures } = config;
  if (policySignatures !== undefined && !Array.isArray(policySignatures))
    throw new TypeError('config.policySignatures must be an array of signatures');
  if (waitForHoldsMs !== undefined && !(Number.isFinite(waitForHoldsMs) && waitForHoldsMs >= 0))
    throw new RangeError('config.waitForHoldsMs must be a number of milliseconds ≥ 0');
  if (durability !== undefined && durability !== 'disk' && durability !== 'process')
    throw new RangeError("config.durability must be 'disk' or 'process'");
  return config;
}

function readClaim(claim: Capability | undefined): Capability | undefined {
  if (claim === undefined || CAPABILITIES.includes(claim)) return claim;
  throw new RangeError(`capabilityClaim must be one of ${CAPABILITIES.join(', ')}`);
}
