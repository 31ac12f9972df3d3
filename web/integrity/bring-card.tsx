/** Where a person gives what no server can give: a checkpoint kept elsewhere, the signer's key, a trust file. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { Icon } from '../icons.js';
import { countOf, showBytes, showText } from '../text.js';
import { bring, broughtFiles, keyText, takeAway, typedKeys } from './brought.js';

export function BringCard(): JSX.Element {
  const { keys } = typedKeys.value;
  const count = broughtFiles.value.length + keys.length;
  return (
    <details class="card bring">
      <summary>
        <b>Bring your own evidence</b>{' '}
        <span class="dim">
          {count > 0
            ? `${countOf(count, 'thing')} brought: verify again to use ${count === 1 ? 'it' : 'them'}`
            : 'a checkpoint you kept elsewhere, the signer’s key, a trust file'}
        </span>
      </summary>
      <p class="dim">
        The ledgers and what lies beside them are the word of whoever runs this server. That nothing was cut
        off shows only against a checkpoint that was kept elsewhere; whose key it is, only its owner can tell.
      </p>
      <DropZone />
      <FileList />
      <KeyBox />
    </details>
  );
}

function DropZone(): JSX.Element {
  const over = useSignal(false);
  const input = useRef<HTMLInputElement>(null);
  return (
    <div
      role="group"
      aria-label="Evidence files"
      class={`drop${over.value ? ' is-over' : ''}`}
      onDragOver={(event) => {
        event.preventDefault();
        over.value = true;
      }}
      onDragLeave={() => (over.value = false)}
      onDrop={(event) => {
        event.preventDefault();
        over.value = false;
        bring(event.dataTransfer?.files ?? []);
      }}
    >
      Drop files here, or{' '}
      <button type="button" class="button" onClick={() => input.current?.click()}>
        Choose files
      </button>
      <input
        ref={input}
        type="file"
        multiple
        class="sr-only"
        aria-label="Checkpoints, policies, trust files"
        tabIndex={-1}
        onChange={(event) => {
          bring(event.currentTarget.files ?? []);
          event.currentTarget.value = '';
        }}
      />
    </div>
  );
}

function FileList(): JSX.Element {
  return (
    <ul class="brought">
      {broughtFiles.value.map(({ name, size }) => (
        <li key={name}>
          <bdi>{showText(name, 120)}</bdi> <span class="dim num">{showBytes(size)}</span>
          <button
            type="button"
            class="icon-button"
            aria-label={`Take out ${showText(name, 60)}`}
            onClick={() => takeAway(name)}
          >
            <Icon name="close" />
          </button>
        </li>
      ))}
    </ul>
  );
}

function KeyBox(): JSX.Element {
  const { keys, fault } = typedKeys.value;
  return (
    <div class="key-box">
      <label for="signer-key">The signer’s public key, if you have it from its owner</label>
      <input
        id="signer-key"
        spellcheck={false}
        autocomplete="off"
        placeholder="64 hex digits"
        value={keyText.value}
        aria-describedby="signer-key-says"
        aria-invalid={fault !== ''}
        onInput={(event) => (keyText.value = event.currentTarget.value)}
      />
      <p id="signer-key-says" class={fault ? 'bad' : 'dim'} role={fault ? 'alert' : undefined}>
        {fault ||
          (keys.length > 0 && `Every row must be signed with ${keys.length === 1 ? 'it' : 'one of them'}.`)}
      </p>
    </div>
  );
}
