/**
 * The successor of a ledger's key that retired: it waits in `signing.key.next` until the row that names it is on disk,
 * then takes the place of the old key, which is gone. Whoever holds the lock next finishes what a crash left half done.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import type { Signer } from '../core/crypto.js';
import { AgentGuardError } from '../core/errors.js';
import { loadSeedNow, printKeyPem } from './keys.js';
import { createNodeSigner } from './node-crypto.js';
import { codeOf } from './paths.js';
import { syncFolderNow } from './torn.js';

/**
 * With the lock: the key that signs after `signer` retired. Puts the successor into its place if nobody has yet.
 *
 * @param flush brings the row that names the successor to the disk, before the old key goes
 * @throws AgentGuardError KEY_RETIRED when the successor is not there, KEY_UNSAFE, LEDGER_UNWRITABLE
 */
export function adoptSuccessor(
  path: string,
  signer: Signer,
  retiredKeys: ReadonlyMap<string, string>,
  flush: () => void,
): Signer {
  let successor = retiredKeys.get(signer.publicKeyHex);
  while (successor !== undefined) {
    const current = loadSigner(path);
    if (current && !retiredKeys.has(current.publicKeyHex)) return current;
    const wanted = current ? retiredKeys.get(current.publicKeyHex) : successor;
    const next = loadSigner(nameNextKey(path));
    if (!next || next.publicKeyHex !== wanted) throw keyRetired(path, wanted ?? successor);
    replaceKey(path, flush);
    successor = retiredKeys.get(next.publicKeyHex);
    if (successor === undefined) return next;
  }
  return signer;
}

/** With the lock: makes a key that waits. Returns its public half, 64 hex. @throws AgentGuardError LEDGER_UNWRITABLE */
export function writeNextKey(path: string): string {
  const seed = randomBytes(32);
  const draft = `${path}.${randomBytes(8).toString('hex')}.tmp`;
  try {
    fs.writeFileSync(draft, printKeyPem(seed), { mode: 0o600, flag: 'wx', flush: true });
    fs.renameSync(draft, nameNextKey(path));
    syncFolderNow(dirname(path));
    return createNodeSigner(seed).publicKeyHex;
  } catch (cause) {
    fs.rmSync(draft, { force: true });
    throw unwritable(path, cause);
  } finally {
    seed.fill(0);
  }
}

/** Where a successor waits. */
export function nameNextKey(path: string): string {
  return `${path}.next`;
}

function replaceKey(path: string, flush: () => void): void {
  try {
    flush();
    fs.renameSync(nameNextKey(path), path);
    syncFolderNow(dirname(path));
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

function loadSigner(path: string): Signer | undefined {
  const seed = loadSeedNow(path);
  return seed && createNodeSigner(seed);
}

function keyRetired(path: string, successor: string): AgentGuardError {
  return new AgentGuardError(
    'KEY_RETIRED',
    `The ledger key ${path} has named ${successor} as its successor, and that key is not there.`,
    { hint: `Restore the successor as ${path} from a backup; the old key must not sign any more.` },
  );
}

function unwritable(path: string, cause: unknown): AgentGuardError {
  return new AgentGuardError('LEDGER_UNWRITABLE', `${path} cannot be written (${codeOf(cause)}).`, { cause });
}
