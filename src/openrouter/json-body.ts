/** Reads the body of an answer as JSON: bounded while it streams, and with a plain sentence for what is none. */
import type { AgentGuardError } from '../core/errors.js';
import type { Json } from '../core/json.js';
import { malformed } from './failure.js';

/** Largest answer that is read. The whole catalogue of 2026 has about one hundredth of it. */
export const MAX_BODY_BYTES = 64 * 1024 * 1024;
/** Deepest nesting that is read: what reads the value afterwards may recurse. */
const MAX_DEPTH = 64;

const WRONG_PLACE = 'Check the address; a login page or a firewall may have answered instead.';

/** @throws AgentGuardError UPSTREAM_MALFORMED beyond `MAX_BODY_BYTES`; whatever the stream throws */
export async function collectBody(
  host: string,
  body: AsyncIterable<Uint8Array>,
  announcedBytes: number | undefined,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = announcedBytes ?? 0;
  if (size > MAX_BODY_BYTES) throw tooLarge(host);
  size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw tooLarge(host);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** @throws AgentGuardError UPSTREAM_MALFORMED */
export function parseJsonBody(host: string, bytes: Uint8Array, contentType: string): Json {
  if (bytes.length === 0) throw malformed(`${host} answered with nothing.`, WRONG_PLACE);
  const text = decode(host, bytes);
  if (/\bhtml\b/i.test(contentType) || /^\s*</.test(text))
    throw malformed(`${host} answered with a web page (HTML) where JSON was due.`, WRONG_PLACE);
  if (isDeeperThan(text, MAX_DEPTH))
    throw malformed(`${host} answered with JSON nested deeper than ${MAX_DEPTH} levels.`, WRONG_PLACE);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const end = /Unexpected end|Unterminated/.test(String(cause)) ? ': it breaks off' : '';
    throw malformed(`${host} answered with something that is not JSON${end}.`, WRONG_PLACE);
  }
}

function decode(host: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw malformed(`${host} answered with something that is not UTF-8 text.`, WRONG_PLACE);
  }
}

function isDeeperThan(text: string, limit: number): boolean {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) inText = !inText;
    else if (inText && code === 0x5c) at++;
    else if (!inText && (code === 0x5b || code === 0x7b) && ++depth > limit) return true;
    else if (!inText && (code === 0x5d || code === 0x7d)) depth--;
  }
  return false;
}

function tooLarge(host: string): AgentGuardError {
  const limit = MAX_BODY_BYTES / 1024 / 1024;
  return malformed(`${host} answered with more than ${limit} MiB.`, WRONG_PLACE);
}
