/** Ed25519 in a real browser: WebCrypto and noble give the answers of this package's one rule. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeHex } from '../../src/core/bytes.js';
import { nobleBackend, verifyStrict } from '../../src/core/ed25519.js';
import { craftSignatures } from '../core/crafted-signatures.js';
import { readReferenceJson, referenceData } from '../helpers/reference-data.js';
import { describeInBrowser, launchChromium } from './chromium.js';

const CORE = fileURLToPath(new URL('../../src/core', import.meta.url));

interface Vector {
  readonly key: string;
  readonly message: string;
  readonly signature: string;
}

/** What the bundled script offers to the page. */
interface InPage {
  check(vectors: readonly Vector[]): Promise<readonly (readonly [string, readonly boolean[]])[]>;
}

describeInBrowser('signatures in the browser', () => {
  let browser: Browser;
  let server: Server;
  let script = '';

  beforeAll(async () => {
    browser = await launchChromium();
    script = await bundle();
    server = createServer((_request, response) =>
      response.setHeader('Content-Type', 'text/html').end('<!doctype html>'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  async function checkInPage(vectors: readonly Vector[]) {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.addScriptTag({ content: script });
    const answers = await page.evaluate((list) => {
      return (globalThis as unknown as { inPage: InPage }).inPage.check(list);
    }, vectors);
    await page.close();
    return Object.fromEntries(answers);
  }

  it('has one answer for each crafted vector, by WebCrypto and by noble', async () => {
    const crafted = craftSignatures();
    const vectors = crafted.map(({ key, message, signature }) => {
      return { key: encodeHex(key), message: encodeHex(message), signature: encodeHex(signature) };
    });
    const expected = crafted.map(({ valid }) => valid);
    expect(expected).toContain(true);
    expect(expected).toContain(false);
    expect(await checkInPage(vectors)).toEqual({ webcrypto: expected, noble: expected });
  });

  it.skipIf(!referenceData)(
    'has one answer for each published vector',
    async () => {
      const vectors = listPublished();
      expect(vectors.length).toBeGreaterThan(100);
      const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
      const expected = vectors.map(({ key, message, signature }) =>
        verifyStrict(nobleBackend, hex(key), hex(message), hex(signature)),
      );
      expect(await checkInPage(vectors)).toEqual({ webcrypto: expected, noble: expected });
    },
    60_000,
  );
});

/** Wycheproof's vectors and speccheck's. */
function listPublished(): Vector[] {
  const { testGroups } = readReferenceJson('vectors/ed25519/wycheproof-ed25519.json') as {
    testGroups: { publicKey: { pk: string }; tests: { msg: string; sig: string }[] }[];
  };
  const cases = readReferenceJson('vectors/ed25519/speccheck-cases.json') as {
    message: string;
    pub_key: string;
    signature: string;
  }[];
  return [
    ...testGroups.flatMap(({ publicKey, tests }) =>
      tests.map(({ msg, sig }) => ({ key: publicKey.pk, message: msg, signature: sig })),
    ),
    ...cases.map(({ message, pub_key: key, signature }) => ({ key, message, signature })),
  ];
}

/** The backends as one script for a page. */
async function bundle(): Promise<string> {
  const source = `
    import { decodeHex } from '${CORE}/bytes.ts';
    import { nobleBackend, verifyStrict } from '${CORE}/ed25519.ts';
    import { chooseBackend } from '${CORE}/web-crypto.ts';
    globalThis.inPage = { async check(vectors) {
      const backends = [await chooseBackend(crypto.subtle), nobleBackend];
      return Promise.all(backends.map(async (backend) => [backend.name, await Promise.all(vectors.map(
        ({ key, message, signature }) => verifyStrict(backend, decodeHex(key), decodeHex(message), decodeHex(signature)),
      ))]));
    } };`;
  const built = await build({
    configFile: false,
    logLevel: 'error',
    plugins: [
      {
        name: 'in-page',
        resolveId: (id) => (id === 'in-page' ? '\0in-page.js' : undefined),
        load: (id) => (id === '\0in-page.js' ? source : undefined),
      },
    ],
    build: {
      write: false,
      target: 'es2023',
      rolldownOptions: { input: 'in-page', output: { format: 'iife' } },
    },
  });
  const { output } = (Array.isArray(built) ? built[0] : built) as { output: { code?: string }[] };
  return output.map(({ code = '' }) => code).join('');
}
