/** What a verification says of one cap at the end of its line: the same words in a terminal and in a browser. */
import { parseUsd } from './money.js';
import type { CapReport, Verdicts } from './report.js';

/**
 * Only a hard cap that is enforced can be exceeded: the others change or record what comes after them. Empty for these.
 *
 * @param verdicts of the file: what nobody could judge may have passed a cap
 */
export function judgeCap(cap: CapReport, { contiguous, lawful }: Verdicts): string {
  if (cap.exceeded) return 'EXCEEDED';
  if (cap.action !== 'block' || cap.mode !== 'enforce') return '';
  if (contiguous.answer !== 'yes' || lawful.answer === 'unknown') return 'not exceeded in the rows judged';
  return standsAbove(cap) ? 'never exceeded with what was granted' : 'never exceeded';
}

function standsAbove({ limitUsd, highestUsd }: CapReport): boolean {
  if (limitUsd === undefined || highestUsd === undefined) return false;
  return (parseUsd(highestUsd) ?? 0n) > (parseUsd(limitUsd) ?? 0n);
}
