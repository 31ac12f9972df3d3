/** What the person brought to hold ledgers against: files and typed keys. It stays in this tab and is sent nowhere. */
import { computed, signal } from '@preact/signals';
import { HEAD_BYTES } from '../../src/core/given-file.js';
import type { DataSource } from '../state/source.js';
import type { Evidence } from '../verify/evidence.js';
import { readKeys } from '../verify-page/typed-keys.js';

export const broughtFiles = signal<readonly File[]>([]);
/** As it was typed. */
export const keyText = signal('');
export const typedKeys = computed(() => readKeys(keyText.value));

export function bring(files: Iterable<File>): void {
  const more = [...files];
  const isNew = (file: File): boolean => !more.some(({ name }) => name === file.name);
  broughtFiles.value = [...broughtFiles.value.filter(isNew), ...more];
}

export function takeAway(name: string): void {
  broughtFiles.value = broughtFiles.value.filter((file) => file.name !== name);
}

/** All evidence about one ledger: what was brought, and the policies that the source has for it. */
export async function gatherEvidence(source: DataSource, scope: string): Promise<Evidence> {
  const { policies } = await source.policies();
  return {
    policies: policies.flatMap(({ scope: own, policyHash, text }) =>
      own === scope && text !== null ? [{ policyHash, text }] : [],
    ),
    files: await Promise.all(broughtFiles.value.map(readHead)),
    keys: typedKeys.value.keys,
  };
}

async function readHead(file: File) {
  const head = await file.slice(0, HEAD_BYTES).arrayBuffer();
  return { name: file.name, sizeBytes: file.size, head: new Uint8Array(head) };
}
