import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MODEL_TABLE, type ScriptStep } from '../../src/stand-in/index.js';
import type { RefusalName } from '../../src/stand-in/refusals.js';
import { referenceData } from '../helpers/reference-data.js';
import { ask, askStream, open, post } from './open.js';

const title = referenceData ? '' : ' (skipped: AGENTGUARD_DATA does not name the reference data)';

function readData(name: string): string {
  return readFileSync(join(referenceData!, 'openrouter', name), 'utf8');
}

type Obj = Record<string, unknown>;

/** Every path to a value, with its type; arrays count by their first element. */
function shapeOf(value: unknown, path = '$'): string[] {
  if (Array.isArray(value)) return value.length === 0 ? [`${path}: []`] : shapeOf(value[0], `${path}[]`);
  if (typeof value !== 'object' || value === null)
    return [`${path}: ${value === null ? 'null' : typeof value}`];
  return Object.entries(value)
    .flatMap(([key, inner]) => shapeOf(inner, `${path}.${key}`))
    .sort();
}

/** Paths without types: for samples whose values may also be null. */
function keysOf(value: unknown): string[] {
  return shapeOf(value).map((line) => line.split(': ')[0]!);
}

function dataEvents(text: string): Obj[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice('data: '.length)) as Obj);
}

async function askRaw(url: string, body: unknown): Promise<string> {
  const headers = { authorization: 'Bearer k' };
  const response = await fetch(`${url}/chat/completions`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  return response.text();
}

describe.skipIf(!referenceData)(`recorded answers${title}`, () => {
  it('have the usage of a plain answer, to the last digit', async () => {
    const [sample] = JSON.parse(readData('usage-real.json')) as { usage: Obj }[];
    const { standIn } = await open({
      script: [{ kind: 'answer', promptTokens: 8, outputTokens: 24, content: 'x' }],
    });
    const answer = JSON.parse(await askRaw(standIn.url, ask())) as { usage: Obj };
    const { completion_tokens_details: _, ...known } = sample!.usage;
    expect(answer.usage).toMatchObject(known);
    expect(shapeOf(answer.usage)).toEqual(shapeOf(sample!.usage));
  });

  it('have the events of a stream', async () => {
    const recorded = readData('chat-stream-2026-05-06.sse');
    const { standIn } = await open({ script: [{ kind: 'answer', promptTokens: 8, outputTokens: 24 }] });
    const text = await askRaw(standIn.url, askStream({ model: 'anthropic/claude-haiku-4-5' }));
    const [theirs, ours] = [dataEvents(recorded), dataEvents(text)];
    expect(shapeOf(ours[0])).toEqual(shapeOf(theirs[0]));
    expect(shapeOf(ours.at(-2))).toEqual(shapeOf(theirs.at(-2)));
    expect(shapeOf(ours.at(-1))).toEqual(shapeOf(theirs.at(-1)));
    expect(ours.at(-1)).toMatchObject({
      model: theirs[0]!.model,
      provider: theirs[0]!.provider,
      usage: theirs.at(-1)!.usage,
    });
    expect(text.split('\n')[0]).toBe(recorded.split('\n')[0]);
    expect(text.trimEnd().endsWith('data: [DONE]')).toBe(recorded.trimEnd().endsWith('data: [DONE]'));
  });

  it('have the error event of a stream', async () => {
    const [sample] = dataEvents(readData('chat-stream-error-documented.sse'));
    const { standIn } = await open({ script: [{ kind: 'error-mid-stream' }] });
    expect(shapeOf(dataEvents(await askRaw(standIn.url, askStream())).at(-1))).toEqual(shapeOf(sample));
  });

  it('have the fields of the key, the balance and a generation', async () => {
    const examples = JSON.parse(readData('openapi-examples-2026-08-22.json')) as Record<
      string,
      { responses: Record<string, { example: unknown }> }
    >;
    const { standIn, client } = await open({ generationMisses: 0 });
    const answer = await client.chat.completions.create(ask());
    const get = async (path: string): Promise<unknown> =>
      (await fetch(standIn.url + path, { headers: { authorization: 'Bearer k' } })).json();
    const { data: key } = JSON.parse(readData('key-2026-10.json')) as { data: unknown };
    expect(keysOf(await get('/key'))).toEqual(keysOf({ data: key }));
    expect(keysOf(await get('/credits'))).toEqual(
      keysOf(examples['GET /credits']!.responses['200']!.example),
    );
    expect(keysOf(await get(`/generation?id=${answer.id}`))).toEqual(
      keysOf(examples['GET /generation']!.responses['200']!.example),
    );
  });
});

const PARTIAL = 'partial-answer-then-provider-error (HTTP 200, non-stream)';

/** Each recorded refusal and the name under which the stand-in knows it. */
const REFUSALS: Readonly<Record<string, RefusalName>> = {
  'key-cap-daily': 'key-limit',
  'key-cap-total': 'key-limit',
  'credits-too-few-for-max_tokens': 'credits-below-max-tokens',
  'prompt-too-big-for-credits': 'prompt-above-credits',
  'insufficient-credits': 'insufficient-credits',
  'guardrail-content-block': 'guardrail-content',
  'guardrail-model-not-allowed': 'guardrail-model',
  'workspace-budget': 'workspace-budget',
  'platform-429': 'rate-limited',
  'availability-capacity (second envelope: no error.code!)': 'capacity',
  'availability-model-not-found': 'model-not-found',
  auth: 'missing-key',
  'in-flight-budget-exhausted': 'in-flight-budget',
  'weight-exceeds-budget': 'weight-above-budget',
  'key-limit-cannot-afford-max_tokens': 'key-limit-below-max-tokens',
  'budget-403-new-form': 'budget',
  'schema-check failure (third envelope)': 'schema',
  'messages-skin 402': 'messages-credits',
  'invalid key': 'unknown-key',
};

interface Sample {
  readonly name: string;
  readonly http_status: number;
  readonly body: Obj;
}

function stepFor(name: string): ScriptStep | undefined {
  if (name === PARTIAL) return { kind: 'error-mid-stream' };
  const refusal = REFUSALS[name];
  return refusal && { kind: 'error', refusal };
}

const samples = referenceData ? (JSON.parse(readData('errors.json')) as Sample[]) : [];

describe.skipIf(!referenceData)(`recorded refusals${title}`, () => {
  it('are all known by a name of their own', () => {
    expect(samples.length).toBeGreaterThan(0);
    expect(samples.map((sample) => sample.name).filter((name) => stepFor(name) === undefined)).toEqual([]);
  });

  it.each(samples)('have the status and shape of $name', async ({ name, http_status, body }) => {
    const { standIn } = await open({ script: [stepFor(name)!] });
    const answer = await post(`${standIn.url}/chat/completions`, JSON.stringify(ask({ max_tokens: 4000 })));
    expect(answer.response.status).toBe(http_status);
    if (name === PARTIAL) expect(shapeOf(answer.body)).toEqual(expect.arrayContaining(shapeOf(body)));
    else expect(shapeOf(answer.body)).toEqual(shapeOf(body));
  });

  it('keep their distinguishing values', async () => {
    const marks = ['code', 'error_type', 'http_status', 'name', 'type', 'limit_source', 'reason'];
    const readMarks = (value: unknown): string[] =>
      typeof value !== 'object' || value === null
        ? []
        : Object.entries(value).flatMap(([key, inner]) =>
            marks.includes(key) && typeof inner !== 'object' ? [`${key}=${inner}`] : readMarks(inner),
          );
    for (const { name, body } of samples.filter((sample) => sample.name in REFUSALS)) {
      const { standIn } = await open({ script: [stepFor(name)!] });
      const answer = await post(`${standIn.url}/chat/completions`, JSON.stringify(ask()));
      const error = answer.body.error;
      expect(new Set(readMarks(error)), name).toEqual(new Set(readMarks(body.error)));
    }
  });
});

interface ListedModel {
  readonly id: string;
  readonly canonical_slug: string;
  readonly name: string;
  readonly created: number;
  readonly context_length: number;
  readonly pricing: Record<string, string>;
}

interface ListedEndpoint {
  readonly model_id: string;
  readonly tag: string;
  readonly provider_name: string;
  readonly context_length: number;
  readonly max_completion_tokens: number | null;
  readonly pricing: Record<string, string>;
}

describe.skipIf(!referenceData)(`the recorded catalogue${title}`, () => {
  it('has every model of the table, under the same slug and name', () => {
    const { data } = JSON.parse(readData('models-2026-05-18-full.json')) as { data: ListedModel[] };
    for (const { id, slug, name, created } of MODEL_TABLE)
      expect(data.find((model) => model.id === id)).toMatchObject({ canonical_slug: slug, name, created });
  });

  it('has every endpoint of the table at the same prices and limits', () => {
    const lines = readData('endpoint-prices-2026-05-18.ndjson').trim().split('\n');
    const listed = lines.map((line) => JSON.parse(line) as ListedEndpoint);
    // Endpoints of free variants were not recorded; the list prices below cover them.
    const paid = MODEL_TABLE.filter((model) => !model.id.endsWith(':free'));
    const endpoints = paid.flatMap(({ id, endpoints }) => endpoints.map((one) => ({ ...one, id })));
    for (const { id, tag, provider, contextLength, maxCompletionTokens, pricing } of endpoints)
      expect(
        listed.filter((one) => one.model_id === id && one.tag === tag),
        `${id} at ${tag}`,
      ).toMatchObject([
        {
          provider_name: provider,
          context_length: contextLength,
          max_completion_tokens: maxCompletionTokens,
          pricing,
        },
      ]);
  });

  it('lists every model of the table at the same input and output price', async () => {
    const { data } = JSON.parse(readData('models-2026-05-18-full.json')) as { data: ListedModel[] };
    const { standIn } = await open();
    const ours = (await (await fetch(`${standIn.url}/models`)).json()) as { data: ListedModel[] };
    for (const { id, pricing, context_length } of ours.data) {
      const { prompt, completion } = pricing;
      const theirs = data.find((model) => model.id === id);
      expect(theirs?.pricing, id).toMatchObject({ prompt, completion });
      // A free variant names the model's context, its endpoint may have less.
      if (!id.endsWith(':free')) expect(theirs?.context_length, id).toBe(context_length);
    }
  });

  it('has models and endpoints of the same fields', async () => {
    const { data } = JSON.parse(readData('models-2026-05-18-full.json')) as { data: ListedModel[] };
    const excerpt = JSON.parse(readData('endpoints-2026-05-18-excerpt.json')) as Record<
      string,
      { data: { endpoints: Obj[] } }
    >;
    const { standIn } = await open();
    const get = async (path: string) => (await (await fetch(standIn.url + path)).json()) as { data: unknown };
    const theirModel = data.find((model) => model.id === 'openai/gpt-5')!;
    const models = (await get('/models')).data as ListedModel[];
    const ourModel = models.find((model) => model.id === 'openai/gpt-5')!;
    expect(Object.keys(ourModel).sort()).toEqual(Object.keys(theirModel).sort());
    const theirs = Object.values(excerpt).find((one) => one.data.endpoints.length > 0)!.data;
    const ours = (await get('/models/openai/gpt-5/endpoints')).data as { endpoints: Obj[] };
    expect(Object.keys(ours).sort()).toEqual(Object.keys(theirs).sort());
    expect(Object.keys(ours.endpoints[0]!).sort()).toEqual(Object.keys(theirs.endpoints[0]!).sort());
  });
});
