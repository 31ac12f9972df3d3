/** The newest checkpoint beside a ledger, as text to show: where it lies it proves nothing. */
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { isObject, type Json } from '../core/json.js';
import { CHECKPOINTS_FILE } from '../store/checkpoint-file.js';
import { NO_FOLLOW } from '../store/paths.js';

/** More than one checkpoint takes. */
const TAIL_BYTES = 16_384;

/** `null` when there is none, or no file that could be read. */
export async function readNewestCheckpoint(folder: string): Promise<string | null> {
  try {
    const file = await fs.open(join(folder, CHECKPOINTS_FILE), fs.constants.O_RDONLY | NO_FOLLOW);
    try {
      const { size } = await file.stat();
      const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
      await file.read(bytes, 0, bytes.length, size - bytes.length);
      const line = bytes.toString('utf8').trimEnd().split('\n').at(-1) ?? '';
      const entry = JSON.parse(line) as Json;
      return isObject(entry) && typeof entry.checkpoint === 'string' ? entry.checkpoint : null;
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
}
