/** Whose keys signed: each in full, to be compared with what its owner says. */
import type { JSX } from 'preact';
import type { ChainReport, PinnedKey } from '../../src/core/report.js';
import { Icon } from '../icons.js';
import { countOf, showText } from '../text.js';

const MAX_SHOWN = 50;

export function KeyTable({
  chains,
  pinned,
}: {
  readonly chains: readonly ChainReport[];
  readonly pinned: readonly PinnedKey[];
}): JSX.Element | null {
  if (chains.length === 0) return null;
  return (
    <div class="proof-keys">
      <h3>{chains.length === 1 ? 'The key that signed' : `The ${chains.length} keys that signed`}</h3>
      <ul>
        {chains.slice(0, MAX_SHOWN).map((chain) => (
          <li key={chain.signer}>
            <code class="proof-hex">{showText(chain.signer, 90)}</code>
            <span class={`proof-whose is-${chain.verdicts.authentic.answer}`}>
              <Icon
                name={
                  chain.verdicts.authentic.answer === 'yes'
                    ? 'allow'
                    : chain.verdicts.authentic.answer === 'no'
                      ? 'close'
                      : 'unknown'
                }
              />{' '}
              {whose(chain, pinned)}
            </span>
            <span class="dim num">
              {place(chain)}, fingerprint <code>{showText(chain.fingerprint, 20)}</code>
            </span>
          </li>
        ))}
      </ul>
      {chains.length > MAX_SHOWN && <p class="dim">and {countOf(chains.length - MAX_SHOWN, 'more key')}</p>}
    </div>
  );
}

function whose({ signer, verdicts }: ChainReport, pinned: readonly PinnedKey[]): string {
  const { answer, because } = verdicts.authentic;
  const pin = pinned.find((key) => key.publicKeyHex === signer);
  if (answer === 'yes') return pin?.name === undefined ? 'a key that you gave' : showText(pin.name, 80);
  return answer === 'no' ? showText(because, 300) : 'nobody here knows whose key this is';
}

function place({ rows, first, last }: ChainReport): string {
  const span = first === last ? `row ${first}` : `rows ${first} to ${last}`;
  return last - first + 1 === rows ? span : `${span}, ${rows} seen`;
}
