/** The paths that are guarded. Every other one that could spend is refused. */
import { CHAT } from './chat.js';
import { COMPLETIONS } from './completions.js';
import { EMBEDDINGS } from './embeddings.js';
import { RESPONSES } from './responses.js';
import type { RequestReader } from './spend-request.js';

// Longer ends first: a chat path ends in the older path as well.
const READERS: readonly RequestReader[] = [CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES];

/** The reader of `method` on `path`, if there is one. `method` in upper case. */
export function findReader(method: string, path: string): RequestReader | undefined {
  return method === 'POST' ? READERS.find((reader) => path.endsWith(reader.path)) : undefined;
}

/** The guarded paths, for words. */
export const GUARDED_PATHS: readonly string[] = READERS.map((reader) => reader.path);
