/**
 * Everything that one request can reach besides the model it names, in the order in which the reference lists it. Each
 * is bounded above the dearest way to read it, or refused before anything is sent, with prices set by hand and synced.
 */
import fc from 'fast-check';
import OpenAI from 'openai';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseUsd, type Usd } from '../../src/core/money.js';
import { AgentGuardBlockedError } from '../../src/guard/blocked-error.js';
import { CHAT } from '../../src/guard/requests/chat.js';
import { COMPLETIONS } from '../../src/guard/requests/completions.js';
import { EMBEDDINGS } from '../../src/guard/requests/embeddings.js';
import { RESPONSES } from '../../src/guard/requests/responses.js';
import { readRequest } from '../../src/guard/requests/spend-request.js';
import { withSpendGuard } from '../../src/guard/with-spend-guard.js';
import { startStandIn } from '../../src/stand-in/server.js';
import { policyOf, setPrices } from '../helpers/guarded-client.js';
import { makeHome, readRows } from '../helpers/home.js';
import { makeSyncedHome } from '../helpers/synced-home.js';
import { BOOKS, type Book, type Dearest, type Names, USD_PER_MTOK, user } from './escape-form.js';
import { ESCAPES } from './escape-table.js';

const books = Object.keys(BOOKS) as Book[];

/** What a bounded request must carry. */
interface SentBody {
  readonly provider: { readonly max_price: Readonly<Record<string, unknown>> };
  readonly max_tokens?: number;
  readonly max_completion_tokens?: number;
  readonly max_output_tokens?: number;
}

/** Long enough that what the bound adds to each request hides nothing. */
const MESSAGES = user('Say something. '.repeat(400));

async function open(book: Book) {
  // Bills every byte of the prompt as a token and as much output as it may, at the dearest endpoint it may take.
  const standIn = await startStandIn({
    routing: 'dearest',
    script: (request) => ({
      kind: 'answer',
      outputTokens: 1_000_000,
      promptTokens: promptBytes(request.body),
    }),
  });
  if (book === 'prices set by hand') setPrices();
  const home = book === 'a synced table' ? await makeSyncedHome(standIn.url) : await makeHome();
  const client = new OpenAI({ apiKey: 'sk-test', baseURL: standIn.url, maxRetries: 0 });
  const guarded = withSpendGuard(client, { policy: policyOf([]), config: { home, provider: 'openrouter' } });
  onTestFinished(async () => {
    await guarded.$guard.close();
    await standIn.close();
  });
  return { standIn, home, guarded };
}

function promptBytes(body: unknown): number {
  const { messages, tools, input, prompt } = body as Readonly<Record<string, unknown>>;
  return Buffer.byteLength(JSON.stringify([messages ?? input ?? prompt, ...((tools ?? []) as unknown[])]));
}

/** Tokens × price of the dearest model that may answer. */
function priceOf(
  { model }: Names,
  { models = [model], outputTokens = 20, inputQuarters = 4n }: Dearest,
  bytes: number,
): Usd {
  const costs = models.map((name) => {
    const [input, output] = USD_PER_MTOK[name]!.map((price) => parseUsd(price)! / 1_000_000n) as [Usd, Usd];
    return (input * inputQuarters * BigInt(bytes)) / 4n + output * BigInt(outputTokens);
  });
  return costs.reduce((most, cost) => (cost > most ? cost : most));
}

describe.each(books)('with %s', (book) => {
  const names = BOOKS[book];
  for (const [group, escapes] of Object.entries(ESCAPES))
    describe(group, () => {
      it.each(escapes.map((one) => ({ ...one, expects: one.expected(names, book) })))(
        '$name',
        async ({ path = '/chat/completions', fields, expects }) => {
          const { standIn, home, guarded } = await open(book);
          const sent = {
            model: names.model,
            messages: MESSAGES,
            max_tokens: 20,
            ...fields(names),
          };
          const error = await guarded.post(path, { body: sent }).then(
            () => undefined,
            (thrown: unknown) => thrown,
          );
          const row = (await readRows(home))[0]?.decision ?? {};
          const posted = standIn.requests.filter((request) => request.method === 'POST');
          if (typeof expects === 'string') {
            expect(error).toBeInstanceOf(AgentGuardBlockedError);
            expect(String(error)).toContain(expects);
            expect(row).toMatchObject({ action: 'block' });
            expect(posted).toEqual([]);
            return;
          }
          expect(error).not.toBeInstanceOf(AgentGuardBlockedError);
          expect(row).toMatchObject({ action: 'allow' });
          const reserved = parseUsd(String(row.reservedUsd))!;
          expect(reserved).toBeGreaterThanOrEqual(priceOf(names, expects, promptBytes(sent)));
          expect(reserved).toBeGreaterThanOrEqual(standIn.bill.total());
          const [request] = posted as unknown as [{ readonly body: SentBody }];
          const { provider, max_tokens, max_completion_tokens, max_output_tokens } = request.body;
          const dearest = (expects.models ?? [names.model]).map((name) => USD_PER_MTOK[name]!);
          const most = (at: 0 | 1) => Math.max(...dearest.map((price) => Number(price[at])));
          expect(Number(provider.max_price.prompt)).toBeLessThanOrEqual(most(0));
          expect(Number(provider.max_price.completion)).toBeLessThanOrEqual(most(1));
          if (expects.outputTokens !== 0)
            expect(max_tokens ?? max_completion_tokens ?? max_output_tokens).toBeGreaterThan(0);
        },
      );
    });
});

describe('a field that no reader knows', () => {
  const readers = { CHAT, RESPONSES, COMPLETIONS, EMBEDDINGS };
  for (const [name, reader] of Object.entries(readers))
    it(`makes a request unbounded whatever it is called or holds: ${name}`, () => {
      const key = fc.oneof(
        fc.string(),
        fc.constantFrom(
          '__proto__',
          'constructor',
          'toString',
          'Model',
          'models ',
          'max-tokens',
          'extra_body',
        ),
      );
      fc.assert(
        fc.property(
          key.filter((one) => !Object.hasOwn(reader.checks, one)),
          fc.jsonValue(),
          (field, value) => {
            const body = JSON.parse(
              `{"model":"a/b",${JSON.stringify(field)}:${JSON.stringify(value)}}`,
            ) as unknown;
            expect(readRequest(reader, body)?.unbounded).toMatchObject({ field });
          },
        ),
        { numRuns: 300 },
      );
    });
});
