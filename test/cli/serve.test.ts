/** `agentguard serve` as a process: one line, one server for a home, a clean end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { writeLedger } from '../core/ledger-fixture.js';
import { makeHome } from '../helpers/home.js';
import { putLedger, runCli } from './run-cli.js';

const BIN = fileURLToPath(new URL('../../bin/agentguard.js', import.meta.url));

interface Started {
  readonly child: ChildProcess;
  /** Standard output so far. */
  readonly out: () => string;
  readonly err: () => string;
  readonly ended: Promise<number | null>;
}

function start(home: string, args: readonly string[]): Started {
  const child = spawn(process.execPath, [BIN, 'serve', '--no-open', ...args], {
    env: { ...process.env, AGENTGUARD_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const texts = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    texts.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    texts.err += text;
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, out: () => texts.out, err: () => texts.err, ended };
}

async function readAddress({ out, err }: Started): Promise<{ url: string; link: string; running: boolean }> {
  await expect.poll(() => out() + err(), { timeout: 30_000 }).toMatch(/\}\n$/);
  return JSON.parse(out());
}

function get(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; cookie: string; text: string }> {
  return new Promise((resolve, reject) => {
    request(url, { headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      const cookie = String(response.headers['set-cookie'] ?? '').split(';')[0] ?? '';
      response.on('end', () => resolve({ status: response.statusCode ?? 0, cookie, text }));
    })
      .on('error', reject)
      .end();
  });
}

describe('serve', () => {
  it('answers at the address of its line, leads a second start there, and ends well', async () => {
    const home = await makeHome();
    await putLedger(home, writeLedger('ab').lines);
    const first = start(home, ['--port', '0', '--json']);
    const { url, link, running } = await readAddress(first);
    expect(running).toBe(false);
    expect((await get(url)).status).toBe(200);
    const { cookie } = await get(link);
    const status = await get(`${url}api/status`, { cookie, 'sec-fetch-site': 'same-origin' });
    expect(JSON.parse(status.text).ledgers).toMatchObject([{ scope: 'acme', rows: 2 }]);

    const second = start(home, ['--json']);
    const again = await readAddress(second);
    expect([again.url, again.running, await second.ended]).toEqual([url, true, 0]);
    expect((await get(again.link)).cookie).toBe(cookie);

    first.child.kill('SIGTERM');
    expect([await first.ended, first.err()]).toEqual([0, '']);
    expect(JSON.parse(await readFile(join(home, 'serve.json'), 'utf8')).servers).toEqual([]);
    await expect(get(url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('prints one line, and ends with 0 on Ctrl-C, also while somebody listens', async () => {
    const home = await makeHome();
    const server = start(home, ['--port', '0']);
    await expect.poll(server.out, { timeout: 30_000 }).toMatch(/\n$/);
    expect(server.out()).toMatch(
      /^Dashboard: http:\/\/localhost:\d+\/ {2}open within a minute: http:\/\/localhost:\d+\/open\?code=\S+\n$/,
    );
    const link = server.out().trim().split(' ').at(-1)!;
    const { cookie } = await get(link);
    const stream = request(`${new URL(link).origin}/api/events`, {
      headers: { cookie, 'sec-fetch-site': 'same-origin' },
    });
    stream.on('error', () => {}).end();
    await once(stream, 'response');
    server.child.kill('SIGINT');
    expect([await server.ended, server.err()]).toEqual([0, '']);
  });

  it('ends with 5 when the port that it was given is taken, whoever has it', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen({ host: '127.0.0.1', port: 0 }, resolve));
    onTestFinished(() => void other.close());
    const { port } = other.address() as { port: number };
    const { code, err, out } = await runCli(['serve', '--port', String(port), '--no-open'], {
      home: await makeHome(),
    });
    expect({ code, out }).toEqual({ code: 5, out: '' });
    expect(err).toContain(`Port ${port} is taken by another program`);
  });

  it.each([
    [['--port', 'x'], '--port is a number'],
    [['--port', '70000'], '--port is a number'],
    [['--port', '-1'], '--port is a number'],
    [['--host', '0.0.0.0'], '--expose-to-network'],
    [['--host', '::'], '--expose-to-network'],
    [['--host', 'example.com'], '--expose-to-network'],
    [['--host', ''], '--expose-to-network'],
    [['--host', '127.0.0.1.evil.example'], '--expose-to-network'],
    [['--scope', ''], 'scope name'],
  ])('refuses %j', async (args, message) => {
    const { code, err, out } = await runCli(['serve', '--no-open', ...args], { home: await makeHome() });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(message);
  });

  it('refuses a home that others may write to', async () => {
    const home = await makeHome();
    await chmod(home, 0o777);
    expect((await runCli(['serve', '--no-open'], { home })).code).toBe(3);
  });
});
