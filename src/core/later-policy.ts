/** What a fuller policy may say and this version refuses: skipping it would drop a limit its owner relies on. */
import { CAP_WINDOWS } from './policy.js';

const LATER_KEYS = [
  'tasks',
  'per',
  'timeZone',
  'alertAt',
  'maxRequests',
  'maxTokens',
  'maxPriceAge',
  'onUnknownPrice',
];
const LATER_WINDOWS = ['per_week', 'per_run', 'total'];

/** Why a key of a policy or cap is refused although it is known; `undefined` for any other key. */
export function explainLaterKey(key: string): string | undefined {
  if (!LATER_KEYS.includes(key)) return undefined;
  return 'is not evaluated by this version; remove it, because it would limit nothing';
}

/** Why a window is refused although it is known; `undefined` for any other word. */
export function explainLaterWindow(window: string): string | undefined {
  if (!LATER_WINDOWS.includes(window)) return undefined;
  return `is "${window}", a window that this version does not evaluate; use one of ${CAP_WINDOWS.join(', ')}`;
}
