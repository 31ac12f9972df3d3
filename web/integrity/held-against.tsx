/** What a ledger was held against, and whose word each thing is. */
import type { JSX } from 'preact';
import { countOf, shortHex, showText } from '../text.js';
import type { Evidence, EvidenceFile } from '../verify/evidence.js';
import type { LedgerFindings } from '../verify/verifier.js';

const GIVEN: Readonly<Record<Exclude<EvidenceFile['kind'], 'refused'>, string>> = {
  checkpoint: 'a checkpoint that you brought: the ledger it names must extend it',
  policy: 'a policy that you brought',
  trust: 'keys that you brought',
};

export function HeldAgainst({
  given,
  evidence: { files, refusedPolicies },
}: {
  readonly given: Evidence;
  readonly evidence: LedgerFindings['evidence'];
}): JSX.Element {
  const usable = given.policies.length - refusedPolicies.length;
  return (
    <ul class="held">
      {usable > 0 && (
        <li>
          {usable === 1 ? '1 policy' : `${usable} policies`}, sent by this server and not taken at its word:
          each hashes to what the signed rows name.
        </li>
      )}
      {refusedPolicies.map((hash) => (
        <li key={hash} class="bad">
          The text sent for policy <code>{shortHex(hash)}</code> is not what its hash says. It was not used.
        </li>
      ))}
      {files.map(({ name, kind, remark }) => (
        <li key={name} class={kind === 'refused' ? 'bad' : ''}>
          <bdi>{showText(name, 80)}</bdi>: {kind === 'refused' ? showText(remark ?? '') : `${GIVEN[kind]}.`}
        </li>
      ))}
      {given.keys.length > 0 && <li>{countOf(given.keys.length, 'key')} that you typed.</li>}
    </ul>
  );
}
