/** Reads the facts of an answer out of its bytes while they pass: one JSON document, or server-sent events. */
import { type AnswerFacts, dropUsage, mergeFacts, readAnswer } from './usage.js';

/** Fed with every chunk; knows the facts seen so far. It never throws on bytes. */
export interface AnswerReader {
  push(chunk: Uint8Array): void;
  /** The facts, whether the answer had come to its own end, and a document's JSON. */
  finish(): { readonly facts: AnswerFacts; readonly complete: boolean; readonly json?: unknown };
}

/** Longest line of a stream, and longest document, that is read for facts: beyond it the cost stays unknown. */
const MAX_LINE_CHARS = 8 * 1024 * 1024;
const MAX_DOCUMENT_CHARS = 64 * 1024 * 1024;

/** Reads a whole JSON document once it has ended. */
export function createDocumentReader(): AnswerReader {
  const decoder = new TextDecoder();
  let text = '';
  return {
    push(chunk) {
      if (text.length <= MAX_DOCUMENT_CHARS) text += decoder.decode(chunk, { stream: true });
    },
    finish() {
      const json = parse(text + decoder.decode());
      return { facts: readAnswer(json), complete: json !== undefined, json };
    },
  };
}

/**
 * Reads server-sent events. Facts may come on any of them: OpenRouter's usage is on the last before `[DONE]`. Usage on
 * an event after which more is to come is a running count, not a cost. `choices` is how many answers were asked for.
 */
export function createEventReader(choices: number): AnswerReader {
  const decoder = new TextDecoder();
  const ended = new Set<unknown>();
  let rest = '';
  let facts: AnswerFacts = {};
  let complete = false;
  const readEvent = (event: unknown) => {
    const seen = readAnswer(event);
    const isLast = isLastEvent(event, ended, choices);
    facts = mergeFacts(facts, isLast ? seen : dropUsage(seen));
    // A stream that named its usage at its end has ended, whether or not the closing mark followed.
    if (seen.hasUsage || !isLast) complete = isLast && (seen.costUsd ?? seen.outputTokens) !== undefined;
  };
  const readLine = (line: string) => {
    if (!line.startsWith('data:')) return;
    const data = line.slice(5).trim();
    if (data === '[DONE]') complete = true;
    else readEvent(parse(data));
  };
  return {
    push(chunk) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      if (rest.length > MAX_LINE_CHARS) rest = '';
      for (const line of lines) readLine(line);
    },
    finish() {
      readLine(rest.replace(/\r$/, ''));
      rest = '';
      return { facts: complete ? facts : dropUsage(facts), complete };
    },
  };
}

/** Whether every answer has ended by this event. `ended` collects the places of those that have. */
function isLastEvent(event: unknown, ended: Set<unknown>, choices: number): boolean {
  const { choices: parts, response } = (event ?? {}) as {
    choices?: unknown;
    response?: { status?: unknown } | null;
  };
  if (response?.status === 'in_progress' || response?.status === 'queued') return false;
  if (!Array.isArray(parts) || parts.length === 0) return true;
  for (const part of parts as ({ index?: unknown; finish_reason?: unknown } | null)[])
    if (part?.finish_reason != null) ended.add(part.index ?? 0);
  const running = parts.some((part: { index?: unknown } | null) => !ended.has(part?.index ?? 0));
  return !running && ended.size >= choices;
}

/** Takes events out of a stream of bytes; everything else passes byte for byte. */
export interface UsageFilter {
  push(chunk: Uint8Array): Uint8Array;
  /** What is left when the stream ends without a blank line. */
  flush(): Uint8Array;
}

/** Takes the events out of a stream that carry usage and no choice. */
export function createUsageFilter(): UsageFilter {
  let rest = Buffer.alloc(0);
  const passUnlessUsage = (event: Buffer) => (isUsageOnly(event.toString('utf8')) ? [] : [event]);
  return {
    push(chunk) {
      const passed: Uint8Array[] = [];
      rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
      for (let end = endOfEvent(rest); end > 0; end = endOfEvent(rest)) {
        passed.push(...passUnlessUsage(rest.subarray(0, end)));
        rest = rest.subarray(end);
      }
      // No event is this long: whatever it is, it passes as it is.
      if (rest.length > MAX_LINE_CHARS) passed.push(rest.subarray());
      if (rest.length > MAX_LINE_CHARS) rest = Buffer.alloc(0);
      return Buffer.concat(passed);
    },
    flush: () => Buffer.concat(passUnlessUsage(rest)),
  };
}

function endOfEvent(bytes: Buffer): number {
  const ends = ['\n\n', '\r\n\r\n'].map((mark) => [bytes.indexOf(mark), mark.length] as const);
  const found = ends.filter(([at]) => at >= 0).sort(([a], [b]) => a - b)[0];
  return found ? found[0] + found[1] : 0;
}

function isUsageOnly(event: string): boolean {
  if (!event.startsWith('data:') || !event.includes('"usage"')) return false;
  const json = parse(event.slice(5)) as { choices?: unknown; usage?: unknown } | undefined;
  return Array.isArray(json?.choices) && json.choices.length === 0 && json.usage != null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
