/** What a fuller policy may say and this version refuses: skipping it would drop a limit its owner relies on. */
const LATER_KEYS = ['maxPriceAge', 'onUnknownPrice'];

/** Why a key of a policy or cap is refused although it is known; `undefined` for any other key. */
export function explainLaterKey(key: string): string | undefined {
  if (!LATER_KEYS.includes(key)) return undefined;
  return 'is not evaluated by this version; remove it, because it would limit nothing';
}
