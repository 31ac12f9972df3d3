/**
 * The ledger's own key, `<scope>/signing.key`: an Ed25519 private key as PKCS#8 PEM (RFC 8410), made once, mode 0600.
 * Its text never appears in an error.
 */
import { randomBytes } from 'node:crypto';
import * as fsSync from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname } from 'node:path';
import { AgentGuardError } from '../core/errors.js';
import { codeOf, isForeign, NO_FOLLOW } from './paths.js';

/** What RFC 8410 puts before the 32 secret bytes. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const PEM = /^-----BEGIN PRIVATE KEY-----\r?\n([A-Za-z0-9+/=\r\n]{1,200})-----END PRIVATE KEY-----\s*$/;
const MAX_KEY_BYTES = 1024;

/**
 * The 32-byte seed kept at `path`; the first caller makes it. Of several processes at once exactly one makes it and all
 * get the same.
 *
 * @throws AgentGuardError KEY_UNSAFE when the file is a link, not a plain file, open to others, another user's or not
 *   such a key; LEDGER_UNWRITABLE when it cannot be made.
 */
export async function loadOrCreateSeed(path: string): Promise<Uint8Array> {
  const existing = await loadSeed(path);
  if (existing) return existing;
  await createKeyFile(path, randomBytes(32));
  const made = await loadSeed(path);
  if (!made) throw keyUnsafe(path, 'disappeared while it was being made');
  return made;
}

/** The seed kept at `path`, or `undefined` when there is no such file. @throws AgentGuardError KEY_UNSAFE */
export async function loadSeed(path: string): Promise<Uint8Array | undefined> {
  return loadSeedNow(path);
}

/** As `loadSeed`, at once: under the ledger's lock nothing waits. */
export function loadSeedNow(path: string): Uint8Array | undefined {
  let file: number;
  try {
    file = fsSync.openSync(path, fs.constants.O_RDONLY | NO_FOLLOW | fs.constants.O_NONBLOCK);
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    if (codeOf(cause) === 'ELOOP') throw keyUnsafe(path, 'is a symbolic link');
    throw keyUnsafe(path, `cannot be opened (${codeOf(cause)})`);
  }
  try {
    const stats = fsSync.fstatSync(file);
    if (!stats.isFile()) throw keyUnsafe(path, 'is not a plain file');
    if (stats.mode & 0o077) throw keyUnsafe(path, 'may be read by other users', `Run: chmod 600 ${path}`);
    if (isForeign(stats.uid)) throw keyUnsafe(path, 'belongs to another user');
    if (stats.size > MAX_KEY_BYTES) throw keyUnsafe(path, 'is not an Ed25519 private key in PKCS#8 PEM');
    return parseKeyPem(fsSync.readFileSync(file, 'latin1'), path);
  } finally {
    fsSync.closeSync(file);
  }
}

/** A seed as PKCS#8 PEM. */
export function printKeyPem(seed: Uint8Array): string {
  if (seed.length !== 32) throw new RangeError('An Ed25519 seed has 32 bytes');
  const body = Buffer.concat([PKCS8_PREFIX, seed]).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`;
}

function parseKeyPem(text: string, path: string): Uint8Array {
  const body = PEM.exec(text)?.[1];
  const der = Buffer.from(body ?? '', 'base64');
  if (der.length !== 48 || !der.subarray(0, 16).equals(PKCS8_PREFIX)) {
    throw keyUnsafe(path, 'is not an Ed25519 private key in PKCS#8 PEM');
  }
  return new Uint8Array(der.subarray(16));
}

/** Written and flushed under another name, then linked: the name appears at once, whole, and only the first time. */
async function createKeyFile(path: string, seed: Uint8Array): Promise<void> {
  const temporary = `${path}.${randomBytes(8).toString('hex')}.tmp`;
  try {
    const file = await fs.open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(printKeyPem(seed));
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.link(temporary, path).catch(ignoreExisting);
    await syncFolder(dirname(path));
  } catch (cause) {
    throw new AgentGuardError('LEDGER_UNWRITABLE', `${path} cannot be written (${codeOf(cause)}).`, {
      cause,
    });
  } finally {
    await fs.rm(temporary, { force: true });
  }
}

/** Makes a new name in a folder survive a power loss. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function ignoreExisting(cause: unknown): void {
  if (codeOf(cause) !== 'EEXIST') throw cause;
}

function keyUnsafe(path: string, what: string, hint?: string): AgentGuardError {
  return new AgentGuardError('KEY_UNSAFE', `The ledger key ${path} ${what}.`, {
    hint:
      hint ??
      'Restore the key from a backup, or move it away: a new one is then made and starts a new chain.',
  });
}
