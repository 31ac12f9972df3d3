/** The key of somebody who signs policies: a file that only they can read, in the form of the ledger's own keys. */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { AgentGuardError } from '../core/errors.js';
import { loadSeed, printKeyPem } from './keys.js';
import { codeOf } from './paths.js';

/**
 * The 32-byte seed in an owner's key file.
 *
 * @throws AgentGuardError KEY_UNSAFE when there is no such file, or it is a link, open to others or no key.
 */
export async function loadOwnerKey(path: string): Promise<Uint8Array> {
  const seed = await loadSeed(path).catch((error: unknown) => {
    // The same checks as for a ledger's key, told about this one.
    if (!(error instanceof AgentGuardError)) throw error;
    const hint = /chmod/.test(error.hint ?? '') ? { hint: error.hint ?? '' } : {};
    throw new AgentGuardError(error.code, error.message.replace('The ledger key', "The owner's key"), hint);
  });
  if (seed) return seed;
  throw new AgentGuardError('KEY_UNSAFE', `The owner's key ${path} does not exist.`, {
    hint: 'agentguard policy sign --new-key <file> makes one',
  });
}

/**
 * Makes an owner's key, mode 0600, and gives its seed. Never replaces anything.
 *
 * @throws AgentGuardError KEY_UNSAFE when something is there already or the file cannot be made.
 */
export async function createOwnerKey(path: string): Promise<Uint8Array> {
  const seed = randomBytes(32);
  try {
    const file = await fs.open(path, 'wx', 0o600);
    try {
      await file.writeFile(printKeyPem(seed));
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    const why =
      codeOf(cause) === 'EEXIST'
        ? 'is there already; nothing was changed'
        : `cannot be made (${codeOf(cause)})`;
    throw new AgentGuardError('KEY_UNSAFE', `The owner's key ${path} ${why}.`, { cause });
  }
  return seed;
}
