/** Raw DEFLATE by the browser's own streams, which also work on plain http and from disk. */
import type { Deflate, Inflate } from '../../src/core/share-link.js';

/** Whether this browser can unpack links. */
export function canInflate(): boolean {
  return typeof DecompressionStream === 'function';
}

/** Whether this browser can make links. */
export function canDeflate(): boolean {
  return typeof CompressionStream === 'function';
}

export const inflate: Inflate = async (bytes, maxBytes) => {
  const reader = streamOf(bytes).pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      size += next.value.length;
      // A few bytes can become gigabytes: never more is kept than a receipt and its proof can have.
      if (size > maxBytes) {
        void reader.cancel();
        return undefined;
      }
      parts.push(next.value);
    }
  } catch {
    return undefined;
  }
  return join(parts, size);
};

export const deflate: Deflate = async (bytes) => {
  const answer = new Response(streamOf(bytes).pipeThrough(new CompressionStream('deflate-raw')));
  return { data: new Uint8Array(await answer.arrayBuffer()), primed: false };
};

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new Blob([new Uint8Array(bytes)]).stream();
}

function join(parts: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
