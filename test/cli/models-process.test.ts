import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { makeCertificate } from '../helpers/certificate.js';
import { makeHome } from '../helpers/home.js';
import { listModels, sendJson, startPriceServer, startProxy } from '../helpers/price-server.js';
import { BIN, runProcess, spawnBin, TABLE } from './price-home.js';

const DOCUMENT = join(dirname(BIN), '../docs/pricing.md');

/** Until another process stands ready beside the one that holds the lock. */
async function waitForSecond(home: string): Promise<void> {
  const isReady = (name: string): boolean => /^\.lock-[0-9a-f]{16}$/.test(name);
  while (!(await readdir(join(home, '.pricing'))).some(isReady)) await sleep(20);
}

describe('as a process of its own', () => {
  it('two syncs at once do the work once', async () => {
    const home = await makeHome();
    const server = await startPriceServer((...both) => {
      void waitForSecond(home).then(() => sendJson(listModels({ 'acme/a': '0' }))(...both));
    });
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

describe('the lines of docs/pricing.md, as they are written', () => {
  const crontab = /^[\d*/]+(?: [\d*/]+){4} (agentguard .*)$/m;
  const unit = /^ExecStart=(.*)$/m;

  /** A folder of programs in which `agentguard` reaches a local server under OpenRouter's name. */
  async function install(home: string) {
    const certificate = makeCertificate('openrouter.ai');
    const server = await startPriceServer(sendJson(listModels({ 'acme/a': '0' })), certificate);
    const proxy = await startProxy(200, server.port);
    const authority = join(home, 'authority.pem');
    await writeFile(authority, certificate.cert);
    const folder = join(home, 'programs');
    await mkdir(folder);
    const script = [
      '#!/bin/sh',
      `export NODE_EXTRA_CA_CERTS='${authority}' HTTPS_PROXY='${proxy.url}'`,
      `exec '${process.execPath}' '${BIN}' "$@"`,
    ];
    await writeFile(join(folder, 'agentguard'), `${script.join('\n')}\n`, { mode: 0o755 });
    return { server, path: `${folder}:/usr/bin:/bin` };
  }

  it.each([
    ['crontab', crontab],
    ['systemd unit', unit],
  ])('%s: silent, without a terminal, with HOME and PATH alone', async (_name, pattern) => {
    const [, command = ''] = pattern.exec(await readFile(DOCUMENT, 'utf8')) ?? [];
    expect(command).toContain('agentguard models --sync-pricing');
    const home = await makeHome();
    const { server, path } = await install(home);
    const run = () =>
      runProcess('/usr/bin/env', ['-i', `HOME=${home}`, `PATH=${path}`, '/bin/sh', '-c', command]);
    expect(await run()).toEqual({ code: 0, out: '', err: '' });
    expect(server.requests).toEqual(['GET /api/v1/models?output_modalities=all']);
    expect(await readFile(join(home, '.agentguard', TABLE), 'utf8')).toContain('acme/a');
    server.answer = sendJson({ data: [] });
    expect(await run()).toMatchObject({ code: 5, out: '', err: expect.stringContaining('is empty') });
  });
});
