/**
 * The policies that a ledger's decisions were made by, `<scope>/policies/<policyHash>.json`: each written once, before the
 * first call that it lets pass, and read back only when its bytes still hash to its name (docs/receipt-format.md "Policies").
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { AgentGuardError } from '../core/errors.js';
import { readKeptPolicy } from '../core/kept-policy.js';
import type { Policy } from '../core/policy.js';
import { syncFolder } from './keys.js';
import { nodeBackend } from './node-crypto.js';
import { codeOf, NO_FOLLOW, openInnerFolder } from './paths.js';

export const POLICY_FOLDER = 'policies';

const POLICY_FILE = /^([0-9a-f]{64})\.json$/;
/** More than a policy of 50,000 values takes. */
const MAX_POLICY_BYTES = 4_194_304;
/** A folder that holds more was not filled by policies. */
const MAX_POLICIES = 10_000;

/** What a folder of policies holds. */
export interface KeptPolicies {
  /** By hash. */
  readonly policies: ReadonlyMap<string, Policy>;
  /** Files that are no policy of their name: `<name> <why>`. May quote names of files. */
  readonly problems: readonly string[];
}

/**
 * Keeps a policy beside the ledger in `scopeFolder`, unless it is there. Written and flushed under another name, then
 * linked: the name appears at once, whole, and only the first time, whoever else writes it.
 *
 * @throws AgentGuardError LEDGER_UNWRITABLE, HOME_UNSAFE
 */
export async function keepPolicy(scopeFolder: string, policy: Policy): Promise<void> {
  const folder = join(scopeFolder, POLICY_FOLDER);
  await openInnerFolder(folder);
  const path = join(folder, `${policy.policyHash}.json`);
  const kept = await readOne(path, policy.policyHash);
  if (kept.policy) return;
  const temporary = join(folder, `${policy.policyHash}.${randomBytes(8).toString('hex')}.tmp`);
  try {
    await writeFlushed(temporary, policy.hashedText);
    // What stands there is damaged, or not a policy of this name.
    if (kept.problem !== undefined) await fs.rename(temporary, path);
    else await fs.link(temporary, path).catch(ignoreExisting);
    await syncFolder(folder);
  } catch (cause) {
    throw new AgentGuardError('LEDGER_UNWRITABLE', `${path} cannot be written (${codeOf(cause)}).`, {
      cause,
      hint: 'Check that this user may write to the home and that the disk is not full.',
    });
  } finally {
    await fs.rm(temporary, { force: true });
  }
}

/** Every policy kept beside the ledger in `scopeFolder`; none where there is no such folder. Never throws. */
export async function readPolicies(scopeFolder: string): Promise<KeptPolicies> {
  const folder = join(scopeFolder, POLICY_FOLDER);
  const names = await fs.readdir(folder).catch(() => []);
  const policies = new Map<string, Policy>();
  const problems: string[] = [];
  for (const name of names.sort().slice(0, MAX_POLICIES)) {
    const policyHash = POLICY_FILE.exec(name)?.[1];
    if (policyHash === undefined) continue;
    const { policy, problem } = await readOne(join(folder, name), policyHash);
    if (policy) policies.set(policyHash, policy);
    else problems.push(`${name} ${problem ?? 'is gone'}`);
  }
  return { policies, problems };
}

interface One {
  readonly policy?: Policy;
  /** Absent together with the policy: there is no such file. */
  readonly problem?: string;
}

async function readOne(path: string, policyHash: string): Promise<One> {
  try {
    const file = await fs.open(path, fs.constants.O_RDONLY | NO_FOLLOW | fs.constants.O_NONBLOCK);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) return { problem: 'is not a plain file' };
      if (stats.size > MAX_POLICY_BYTES) return { problem: 'is too large for a policy' };
      const reading = readKeptPolicy(await file.readFile(), policyHash, nodeBackend);
      return reading.ok ? { policy: reading.value } : { problem: `is not used: ${reading.message}` };
    } finally {
      await file.close();
    }
  } catch (cause) {
    return codeOf(cause) === 'ENOENT' ? {} : { problem: `cannot be read (${codeOf(cause)})` };
  }
}

async function writeFlushed(path: string, text: string): Promise<void> {
  const file = await fs.open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

function ignoreExisting(cause: unknown): void {
  if (codeOf(cause) !== 'EEXIST') throw cause;
}
