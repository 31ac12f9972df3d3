/** Brings every policy that decides into the ledger's keeping before a call that it let pass is sent. */
import type { Decision } from '../core/decide.js';
import type { Policy } from '../core/policy.js';
import type { SpendStore } from '../core/spend-store.js';

export interface PolicyKeeper {
  /** Resolves once all policies of a decision are kept. @throws AgentGuardError when one cannot be written */
  keep(store: SpendStore, decision: Decision): Promise<void>;
}

/** Remembers what is kept: nothing but a look-up for every decision after the first. */
export function createPolicyKeeper(): PolicyKeeper {
  const kept = new Map<string, Promise<void>>();
  const keepOne = (store: SpendStore, policy: Policy): Promise<void> => {
    const known = kept.get(policy.policyHash);
    if (known) return known;
    const keeping = (store.keepPolicy?.(policy) ?? Promise.resolve()).catch((error: unknown) => {
      // What is wrong may be mended meanwhile: the next call tries again.
      kept.delete(policy.policyHash);
      throw error;
    });
    kept.set(policy.policyHash, keeping);
    return keeping;
  };
  return {
    async keep(store, { parts }) {
      await Promise.all(parts.map(({ policy }) => keepOne(store, policy)));
    },
  };
}
