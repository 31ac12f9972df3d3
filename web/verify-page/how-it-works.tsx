/** The procedure in words, for a reader who wants to know what the answer rests on. */
import type { JSX } from 'preact';

const STEPS: readonly (readonly [string, string])[] = [
  [
    'Read each line strictly.',
    'A row that two programs could read differently is refused before anything else.',
  ],
  [
    'Print it in its one canonical form',
    '(RFC 8785) and hash that with SHA-256. The row names the same hash, or it was changed.',
  ],
  ['Find its signer', 'by the full public key, and check the Ed25519 signature over the hash.'],
  [
    'Follow the chain.',
    'Each row names the hash of its signer’s row before, and of the ledger’s row before: what was taken out, put in or moved leaves a gap.',
  ],
  [
    'Hold the ledger to the checkpoint you bring.',
    'The Merkle root over its first rows must be the one you kept: rows cut off or rewritten since then show.',
  ],
  [
    'Decide every call again',
    'from its policy and the rows before it: a decision that does not follow, or a cap that was passed, shows.',
  ],
];

export function HowItWorks(): JSX.Element {
  return (
    <details class="card proof-how">
      <summary>
        <h2>How this is checked</h2>
      </summary>
      <ol>
        {STEPS.map(([what, rest]) => (
          <li key={what}>
            <b>{what}</b> {rest}
          </li>
        ))}
      </ol>
      <p class="dim">
        Everything runs in this window, in a thread of its own, with the same code as{' '}
        <code>agentguard verify</code>. How to check a receipt by hand, with openssl, is in docs/verifying.md
        of the project.
      </p>
    </details>
  );
}
