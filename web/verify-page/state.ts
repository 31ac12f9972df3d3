/** What the reader gave, and what came of verifying it. Whatever changes, everything is verified again. */
import { signal } from '@preact/signals';
import { decodeShareFragment } from '../../src/core/share-link.js';
import { canInflate, inflate } from './compression.js';
import type { EnclosedFile } from './enclosed.js';
import type { NamedBlob } from './ledger-parts.js';
import { runInThread } from './thread.js';
import { readKeys } from './typed-keys.js';
import type { Progress, TaskResult } from './verification.js';

/** A receipt that the address carries: a line by itself, or a file with its proof. */
interface Linked {
  readonly receipt?: Uint8Array;
  readonly file?: NamedBlob;
}

export type Run =
  | { readonly kind: 'idle' }
  | { readonly kind: 'running'; readonly progress: Progress | undefined }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'done'; readonly result: TaskResult };

export const files = signal<readonly NamedBlob[]>([]);
/** As it was typed. */
export const keyText = signal('');
export const run = signal<Run>({ kind: 'idle' });
/** What is wrong with the link that led here. */
export const linkFault = signal('');
/** Whether anything came with the address or the page's own file. */
export const cameAlong = signal<'link' | 'file' | undefined>(undefined);

let linked: Linked = {};
let current: AbortController | undefined;

/** Adds files to what is verified. */
export function addFiles(more: readonly NamedBlob[]): void {
  if (more.length === 0) return;
  files.value = [...files.value, ...more];
  void verify();
}

export function removeFile(at: number): void {
  files.value = files.value.filter((_, index) => index !== at);
  void verify();
}

/** Back to an empty page; what the address carried is left out too. */
export function clearAll(): void {
  current?.abort();
  linked = {};
  cameAlong.value = undefined;
  linkFault.value = '';
  files.value = [];
  run.value = { kind: 'idle' };
}

export function cancel(): void {
  current?.abort();
}

/** Takes what the page's file encloses, or else what its address carries. */
export async function takeAlong(enclosed: readonly EnclosedFile[], fragment: string): Promise<void> {
  if (enclosed.length > 0) {
    cameAlong.value = 'file';
    addFiles(enclosed.map(({ name, text }) => ({ name, blob: new Blob([text]), enclosed: true })));
  } else if (fragment.length > 1) await takeFragment(fragment);
}

/** Reads the fragment of an address. It never reached a server. */
export async function takeFragment(fragment: string): Promise<void> {
  clearAll();
  if (!canInflate()) {
    linkFault.value = 'This browser cannot unpack links. Take a newer one, or ask for the receipt as a file.';
    return;
  }
  const reading = await decodeShareFragment(fragment, inflate);
  if (!reading.ok) {
    linkFault.value = reading.message;
    return;
  }
  const { kind, bytes } = reading.value;
  cameAlong.value = 'link';
  linked =
    kind === 'receipt'
      ? { receipt: bytes }
      : { file: { name: 'the link', blob: new Blob([new Uint8Array(bytes)]) } };
  await verify();
}

/** Verifies everything that was given, from the beginning; what still runs is given up. */
export async function verify(): Promise<void> {
  current?.abort();
  const { keys } = readKeys(keyText.value);
  const all = linked.file ? [linked.file, ...files.value] : files.value;
  if (all.length === 0 && !linked.receipt) {
    run.value = { kind: 'idle' };
    return;
  }
  const mine = new AbortController();
  current = mine;
  run.value = { kind: 'running', progress: undefined };
  try {
    const task = { files: all, receipt: linked.receipt, keys };
    const result = await runInThread(
      task,
      (progress) => (run.value = { kind: 'running', progress }),
      mine.signal,
    );
    run.value = { kind: 'done', result };
  } catch (error) {
    if (current !== mine) return;
    run.value = mine.signal.aborted
      ? { kind: 'idle' }
      : { kind: 'failed', message: (error as Error).message };
  }
}
