/** Where things are given: files dropped or chosen, text pasted, keys typed. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { Icon } from '../icons.js';
import { showBytes, showText } from '../text.js';
import { addFiles, cameAlong, clearAll, files, keyText, removeFile, run, verify } from './state.js';
import { readKeys } from './typed-keys.js';
import type { Understood } from './verification.js';

const KINDS: Readonly<Record<Understood['kind'], string>> = {
  rows: 'rows to verify',
  checkpoint: 'checkpoint: the ledger must extend it',
  policy: 'policy: decisions are made again by it',
  trust: 'trust file: keys whose owners you know',
  refused: 'not usable',
  unreadable: 'not readable',
};

export function GiveCard(): JSX.Element {
  return (
    <section class="card proof-give" aria-labelledby="give-title">
      <h2 id="give-title">Give what you have</h2>
      <DropZone />
      <PasteBox />
      <FileList />
      <KeyBox />
    </section>
  );
}

function DropZone(): JSX.Element {
  const over = useSignal(false);
  const input = useRef<HTMLInputElement>(null);
  const take = (list: FileList | null | undefined): void =>
    addFiles(Array.from(list ?? [], (blob) => ({ name: blob.name, blob })));
  return (
    <div
      role="group"
      aria-label="Files"
      class={`proof-drop${over.value ? ' is-over' : ''}`}
      onDragOver={(event) => {
        event.preventDefault();
        over.value = true;
      }}
      onDragLeave={() => (over.value = false)}
      onDrop={(event) => {
        event.preventDefault();
        over.value = false;
        take(event.dataTransfer?.files);
      }}
    >
      <p>
        <b>Drop files here</b>, or{' '}
        <button type="button" class="button primary" onClick={() => input.current?.click()}>
          Choose files
        </button>
      </p>
      <p class="dim">
        A receipt, several, a ledger of any size or its parts, a bundle, a proof. With them: a checkpoint you
        kept, the policies, a trust file.
      </p>
      <input
        ref={input}
        type="file"
        multiple
        class="sr-only"
        aria-label="Files to verify"
        tabIndex={-1}
        onChange={(event) => {
          take(event.currentTarget.files);
          event.currentTarget.value = '';
        }}
      />
    </div>
  );
}

function PasteBox(): JSX.Element {
  const text = useSignal('');
  const give = (): void => {
    if (text.value.trim() === '') return;
    addFiles([{ name: 'pasted text', blob: new Blob([text.value]) }]);
    text.value = '';
  };
  return (
    <details class="proof-paste">
      <summary>Paste a receipt instead</summary>
      <textarea
        rows={5}
        spellcheck={false}
        aria-label="Text to verify"
        placeholder={'{"decision":{…},"previousHash":"…","sequence":0,…}'}
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
      />
      <button type="button" class="button" disabled={text.value.trim() === ''} onClick={give}>
        <Icon name="shield" /> Verify the text
      </button>
    </details>
  );
}

function FileList(): JSX.Element | null {
  if (files.value.length === 0 && cameAlong.value === undefined) return null;
  const state = run.value;
  const given = state.kind === 'done' ? state.result.given : [];
  return (
    <div class="proof-files">
      <ul>
        {files.value.map(({ name, blob }, at) => {
          const known = given.find((one) => one.name === name && one.sizeBytes === blob.size);
          const isBad = known?.kind === 'refused' || known?.kind === 'unreadable' || known?.remark;
          return (
            <li key={`${name} ${blob.size}`} class={isBad ? 'is-bad' : ''}>
              <bdi class="proof-file-name">{showText(name, 120)}</bdi>
              <span class="dim num">{showBytes(blob.size)}</span>
              <span class="proof-file-kind">{known ? KINDS[known.kind] : ''}</span>
              <button
                type="button"
                class="icon-button"
                aria-label={`Take out ${showText(name, 60)}`}
                onClick={() => removeFile(at)}
              >
                <Icon name="close" />
              </button>
              {known?.remark && <p>{showText(known.remark)}</p>}
            </li>
          );
        })}
      </ul>
      <button type="button" class="button small" onClick={clearAll}>
        Start over
      </button>
    </div>
  );
}

function KeyBox(): JSX.Element {
  const { keys, fault } = readKeys(keyText.value);
  return (
    <div class="proof-key">
      <label for="key">
        <b>The signer’s public key</b> <span class="dim">if you have it from its owner</span>
      </label>
      <textarea
        id="key"
        rows={1}
        spellcheck={false}
        autocomplete="off"
        placeholder="64 hex digits"
        value={keyText.value}
        aria-describedby="key-says"
        onInput={(event) => {
          keyText.value = event.currentTarget.value;
          if (readKeys(keyText.value).fault === '') void verify();
        }}
      />
      <p id="key-says" class={fault ? 'proof-fault' : 'dim'} role={fault ? 'alert' : undefined}>
        {fault ||
          (keys.length > 0
            ? `Every row must be signed with ${keys.length === 1 ? 'this key' : `one of these ${keys.length} keys`}.`
            : 'Without it, this page can only say that all rows fit together, and not whose they are.')}
      </p>
    </div>
  );
}
