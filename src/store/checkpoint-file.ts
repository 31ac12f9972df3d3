/**
 * The checkpoints of a ledger, `<scope>/checkpoints.ndjson`: one line each, the newest last,
 * `{"size":1024,"checkpoint":"agentguard/…\n1024\n…"}`. Written in passing; they prove nothing where they lie.
 */
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { encodeUtf8 } from '../core/bytes.js';
import { parseCheckpoint, printOrigin, type SignedCheckpoint } from '../core/checkpoint.js';
import { isObject, type Json } from '../core/json.js';
import { printNote } from '../core/signed-note.js';
import { codeOf, NO_FOLLOW } from './paths.js';

export const CHECKPOINTS_FILE = 'checkpoints.ndjson';
/** More than half a million of them. */
const MAX_BYTES = 268_435_456;

/** Adds a checkpoint. A torn line of a crash before is closed off first. @throws the system's error */
export async function appendCheckpoint(folder: string, checkpoint: SignedCheckpoint): Promise<void> {
  const line = JSON.stringify({ size: checkpoint.size, checkpoint: printNote(checkpoint.note) });
  const { O_APPEND, O_CREAT, O_RDWR } = fs.constants;
  const file = await fs.open(join(folder, CHECKPOINTS_FILE), O_APPEND | O_CREAT | O_RDWR | NO_FOLLOW, 0o600);
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    const isTorn = size > 0 && (await file.read(last, 0, 1, size - 1)).bytesRead === 1 && last[0] !== 0x0a;
    await file.appendFile(`${isTorn ? '\n' : ''}${line}\n`);
  } finally {
    await file.close();
  }
}

/** All checkpoints of a ledger, as they were written; lines that are none are left out. Their signatures are not looked at. */
export async function readCheckpoints(
  folder: string,
  ledgerId: string,
): Promise<readonly SignedCheckpoint[]> {
  const text = await readText(join(folder, CHECKPOINTS_FILE));
  const origin = printOrigin(ledgerId);
  return text
    .split('\n')
    .map(readLine)
    .filter((checkpoint) => checkpoint?.origin === origin) as SignedCheckpoint[];
}

async function readText(path: string): Promise<string> {
  try {
    const file = await fs.open(path, fs.constants.O_RDONLY | NO_FOLLOW | fs.constants.O_NONBLOCK);
    try {
      const stats = await file.stat();
      return stats.isFile() && stats.size <= MAX_BYTES ? await file.readFile('utf8') : '';
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return '';
    throw cause;
  }
}

function readLine(line: string): SignedCheckpoint | undefined {
  try {
    const entry = JSON.parse(line) as Json;
    if (!isObject(entry) || typeof entry.checkpoint !== 'string') return undefined;
    const reading = parseCheckpoint(encodeUtf8(entry.checkpoint));
    return reading.ok ? reading.value : undefined;
  } catch {
    return undefined;
  }
}
