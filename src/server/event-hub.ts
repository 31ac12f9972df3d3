/**
 * One stream of news to many readers: each event is printed once. A reader that does not keep up is told so and let go,
 * so that what it did not read never piles up here.
 */
import type { DashboardEvent } from '../core/dashboard.js';

/** What may wait for one reader, in bytes. */
const MAX_WAITING_BYTES = 1_048_576;
/** Proxies and browsers give up on streams that are silent. */
const HEARTBEAT_MS = 15_000;
export const MAX_READERS = 512;

export interface EventHub {
  tell(event: DashboardEvent): void;
  /** A stream for one reader; `undefined` when there are too many. */
  open(asOf: () => number): ReadableStream<Uint8Array> | undefined;
  readonly readers: number;
  close(): void;
}

type Controller = ReadableStreamDefaultController<Uint8Array>;

export function createEventHub(): EventHub {
  const readers = new Map<Controller, () => number>();
  const encoder = new TextEncoder();
  const heartbeat = setInterval(() => send(encoder.encode(': still here\n\n')), HEARTBEAT_MS);
  heartbeat.unref();

  function send(bytes: Uint8Array): void {
    for (const [reader, asOf] of readers) {
      if ((reader.desiredSize ?? 0) > -MAX_WAITING_BYTES) reader.enqueue(bytes);
      else drop(reader, asOf());
    }
  }
  function drop(reader: Controller, asOf: number): void {
    readers.delete(reader);
    reader.enqueue(encoder.encode(printEvent({ kind: 'lost', asOf })));
    reader.close();
  }
  return {
    tell: (event) => readers.size > 0 && send(encoder.encode(printEvent(event))),
    open(asOf) {
      if (readers.size >= MAX_READERS) return undefined;
      let own: Controller | undefined;
      return new ReadableStream<Uint8Array>(
        {
          start(controller) {
            own = controller;
            readers.set(controller, asOf);
            // Sent at once, so that the reader knows that it is heard; and how soon to come back.
            controller.enqueue(encoder.encode('retry: 1000\n: here\n\n'));
          },
          cancel() {
            if (own) readers.delete(own);
          },
        },
        { highWaterMark: 0, size: (chunk) => chunk?.byteLength ?? 0 },
      );
    },
    get readers() {
      return readers.size;
    },
    close() {
      clearInterval(heartbeat);
      for (const reader of readers.keys()) reader.close();
      readers.clear();
    },
  };
}

/** The text of an event as browsers read it. JSON has no line feed of its own. */
export function printEvent(event: DashboardEvent): string {
  return `event: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
}
