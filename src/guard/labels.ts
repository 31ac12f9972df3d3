/** What may be written down of the names in a request or an answer: words that name something, never words that say it. */

/** A model id as people write it: printable, without spaces. */
const REQUESTED_MODEL = /^[\x21-\x7e]{1,200}$/;
const SERVED_MODEL = /^[\w~./:@+-]{1,128}$/;
const GENERATION_ID = /^[\w-]{1,128}$/;
const PROVIDER = /^[\w.&()+/-]{1,40}( [\w.&()+/-]{1,20}){0,3}$/;
/** What API keys look like. A gateway that echoes one must not bring it into the ledger. */
const KEY =
  /(^|[^a-z0-9])(sk|pk|rk)-[\w-]{8,}|AIza[\w-]{10,}|(^|[^a-z0-9])(hf|gsk|ghp|gho)_\w{8,}|xai-\w{16,}|eyJ[\w-]{10,}/i;

/** Segments of API paths. Anything else in a path may be the caller's own text. */
const PATH_WORDS = new Set(
  (
    'api v1 v2 chat completions responses embeddings images image generations generate edits variations audio speech ' +
    'transcriptions translations messages batches batch files uploads parts fine_tuning jobs moderations assistants ' +
    'threads runs vector_stores search realtime sessions containers evals videos compact cancel models rerank openai'
  ).split(' '),
);

/** Whether a text may be a model id: what is not may be a prompt or a key in the wrong place. */
export function isModelId(text: unknown): text is string {
  return typeof text === 'string' && REQUESTED_MODEL.test(text) && !KEY.test(text);
}

/** The asked model; `unknown` when the request names none, or by something that is no id. */
export function nameModel(body: unknown): string {
  const model = (body as { model?: unknown } | null | undefined)?.model;
  return isModelId(model) ? model : 'unknown';
}

/** A path with its known words; everything else in it becomes `…`. */
export function namePath(path: string): string {
  const segments = path.split('/').slice(1, 13);
  return segments.map((segment) => `/${PATH_WORDS.has(segment) ? segment : '…'}`).join('');
}

/** The model that answered, as upstream names it. */
export function readServedModel(value: unknown): string | undefined {
  return readName(value, SERVED_MODEL);
}

/** The provider that answered, as upstream names it. */
export function readProvider(value: unknown): string | undefined {
  return readName(value, PROVIDER);
}

/** The id of an answer. */
export function readGenerationId(value: unknown): string | undefined {
  return readName(value, GENERATION_ID);
}

function readName(value: unknown, form: RegExp): string | undefined {
  return typeof value === 'string' && form.test(value) && !KEY.test(value) ? value : undefined;
}
