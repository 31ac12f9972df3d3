/** The policies that the shown decisions were made by, and where their caps stand now. */
import type { GaugeFold } from '../core/cap-gauges.js';
import type { CapsAnswer, PoliciesAnswer } from '../core/dashboard.js';
import type { Policy } from '../core/policy.js';
import { readPolicies } from '../store/policy-folder.js';
import { openGauges } from './cap-keeper.js';
import type { LedgerSource } from './ledger-source.js';
import type { LiveIndex } from './live-index.js';

/** How often the folder of policies is looked at for one that rows name and that was not there. */
const RELOAD_MS = 2_000;

export interface PolicyReader {
  /** Waits until the index is filled. */
  readCaps(nowMs: number): Promise<CapsAnswer>;
  listPolicies(): Promise<PoliciesAnswer>;
}

interface Keeper {
  readonly gauges: Promise<GaugeFold>;
  readonly openedMs: number;
}

export function createPolicyReader(index: LiveIndex): PolicyReader {
  const keepers = new WeakMap<LedgerSource, Keeper>();

  async function open(source: LedgerSource, nowMs: number): Promise<GaugeFold> {
    const { policies } = await readPolicies(source.paths.folder);
    await index.isFilled;
    return openGauges(index.reading, source, policies, nowMs);
  }
  async function find(source: LedgerSource, nowMs: number): Promise<GaugeFold> {
    const known = keepers.get(source);
    if (known) {
      const gauges = await known.gauges.catch(() => undefined);
      const isStale = !gauges || (gauges.listUnknown().length > 0 && (await hasNew(source, gauges)));
      if (gauges && (!isStale || nowMs - known.openedMs < RELOAD_MS)) return gauges;
    }
    const keeper = { gauges: open(source, nowMs), openedMs: nowMs };
    keepers.set(source, keeper);
    return keeper.gauges;
  }
  return {
    async readCaps(nowMs) {
      const sources = [...index.reading.sources.values()];
      const folds = await Promise.all(
        sources.map(async (source) => ({ scope: source.paths.scope, fold: await find(source, nowMs) })),
      );
      return {
        nowMs,
        gauges: folds.flatMap(({ fold }) => fold.list(nowMs)).sort((a, b) => b.share - a.share),
        stops: folds.flatMap(({ scope, fold }) => {
          const stop = fold.controls.findStop();
          return stop ? [{ scope, sinceMs: stop.sinceMs, reason: stop.reason ?? '' }] : [];
        }),
        unknownPolicies: [...new Set(folds.flatMap(({ fold }) => fold.listUnknown()))],
      };
    },
    async listPolicies() {
      const sources = [...index.reading.sources.values()];
      const lists = await Promise.all(sources.map(listOf));
      return { policies: lists.flat() };
    },
  };
}

async function listOf({ paths, facts }: LedgerSource): Promise<PoliciesAnswer['policies']> {
  const kept: ReadonlyMap<string, Policy> = (await readPolicies(paths.folder)).policies;
  return facts
    .listPolicies()
    .map((use) => ({ scope: paths.scope, ...use, text: kept.get(use.policyHash)?.hashedText ?? null }));
}

async function hasNew({ paths }: LedgerSource, gauges: GaugeFold): Promise<boolean> {
  const { policies } = await readPolicies(paths.folder);
  return gauges.listUnknown().some((hash) => policies.has(hash));
}
