import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeCertificate } from '../helpers/certificate.js';
import { makeHome } from '../helpers/home.js';
import { type Answer, listModels, sendJson, startPriceServer, startProxy } from '../helpers/price-server.js';
import { spawnBin } from './price-home.js';

describe('as a process of its own', () => {
  it('two syncs at once do the work once', async () => {
    const home = await makeHome();
    const slow: Answer = (...both) =>
      void setTimeout(() => sendJson(listModels({ 'acme/a': '0' }))(...both), 700);
    const server = await startPriceServer(slow);
    const argv = ['models', '--sync-pricing', '--url', server.url, '--home', home];
    const results = await Promise.all([spawnBin(argv, {}), spawnBin(argv, {})]);
    expect(results.map(({ code, err }) => ({ code, err }))).toEqual(Array(2).fill({ code: 0, err: '' }));
    expect(server.requests).toHaveLength(1);
    expect(results.map(({ out }) => out).join('')).toContain('synced by another process');
  });

  it('asks through the proxy of the environment, with a certificate that was made known', async () => {
    const home = await makeHome();
    const certificate = makeCertificate();
    const authority = join(home, 'authority.pem');
    await writeFile(authority, certificate.cert);
    const server = await startPriceServer(sendJson(listModels({ 'acme/a': '0' })), certificate);
    const proxy = await startProxy();
    const argv = ['models', '--sync-pricing', '--url', server.url, '--home', home];
    const trust = { NODE_EXTRA_CA_CERTS: authority, HTTPS_PROXY: proxy.url };
    expect(await spawnBin(argv, trust)).toMatchObject({ code: 0, err: '' });
    expect(proxy.asked).toEqual([`localhost:${server.port}`]);
    expect(await spawnBin(argv, { ...trust, NO_PROXY: 'localhost' })).toMatchObject({ code: 0, err: '' });
    expect(proxy.asked).toHaveLength(1);
    server.answer = (_request, response) =>
      void response.writeHead(302, { location: 'http://localhost/' }).end();
    expect(await spawnBin(argv, trust)).toMatchObject({
      code: 5,
      err: expect.stringContaining('is not https'),
    });
  });
});
