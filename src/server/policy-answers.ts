/** The policies that the shown decisions were made by, and where their caps stand now. */
import type { CapsAnswer, PoliciesAnswer } from '../core/dashboard.js';
import type { LiveIndex } from './live-index.js';

export interface PolicyReader {
  readCaps(nowMs: number): Promise<CapsAnswer>;
  listPolicies(): Promise<PoliciesAnswer>;
}

export function createPolicyReader(_index: LiveIndex): PolicyReader {
  return {
    readCaps: async (nowMs) => ({ nowMs, gauges: [], stops: [], unknownPolicies: [] }),
    listPolicies: async () => ({ policies: [] }),
  };
}
