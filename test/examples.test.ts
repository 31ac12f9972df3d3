/** Every example of the README and of examples/ runs, with the real client, against the stand-in. */
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startStandIn } from '../src/stand-in/server.js';
import { compile, makeConsumer, ROOT, runBin, runConsumer } from './helpers/consumer.js';
import { makeHome, readRows } from './helpers/home.js';

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const blocks = Array.from(readme.matchAll(/^```(.+)\n([\s\S]*?)\n```$/gm), ([, info, text]) => ({
  info: info!,
  text: text!,
}));
const blocksOf = (info: string) => blocks.filter((block) => block.info === info).map((block) => block.text);

async function open(script?: Parameters<typeof startStandIn>[0]) {
  const standIn = await startStandIn(script);
  onTestFinished(() => standIn.close());
  return { standIn, home: await makeHome(), folder: await makeConsumer() };
}

describe('the README', () => {
  it('has no example that is not tested', () => {
    expect(new Set(blocks.map((block) => block.info))).toEqual(
      new Set(['sh', 'ts', 'text demo', 'text refusal']),
    );
    expect(readme.match(/^```/gm)).toHaveLength(2 * blocks.length);
  });

  it('its code type-checks as one program, runs, and prints the refusal that it shows', async () => {
    const { standIn, home, folder } = await open({ script: [{ kind: 'answer', content: 'Looks good.' }] });
    const compiled = await compile(folder, { 'readme.ts': blocksOf('ts').join('\n') });
    expect(compiled).toEqual({ code: 0, stdout: '', stderr: '' });
    const ended = await runConsumer(folder, 'readme.js', { home, standIn: standIn.url });
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stdout.split('\n')).toEqual([
      'Looks good.',
      ...blocksOf('text refusal')[0]!.split('\n'),
      expect.stringMatching(/^0\.0\d+$/),
      expect.stringMatching(/^true yes [A-Z].*\.$/),
      '',
    ]);
    const rows = (await readRows(home)).map((row) => row.decision);
    expect(rows.map((row) => row.entryType ?? row.action)).toEqual([
      'allow',
      'settlement',
      'block',
      'allow',
      'settlement',
    ]);
    expect(standIn.requests).toHaveLength(2);
    for (const line of blocksOf('sh')
      .join('\n')
      .match(/agentguard .*/g) ?? []) {
      const told = await runBin(line.split(' ').slice(1), home);
      expect(told.code, `${line}\n${told.stderr}`).toBe(0);
    }
  });

  it('its two commands are scripts of the package', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const commands = blocksOf('sh')[0]!
      .split('\n')
      .map((line) => line.replace(/\s*#.*/, ''));
    expect(commands).toEqual(['npm ci && npm run demo', 'npm ci && npm test']);
    expect(scripts).toMatchObject({
      demo: expect.stringContaining('bin/agentguard.js demo'),
      test: expect.any(String),
    });
  });

  it('its excerpt of the demo is what the demo prints, but for what changes from run to run', async () => {
    const demo = await runBin(['demo', '--no-open'], await makeHome());
    expect(demo.code, demo.stderr).toBe(0);
    const printed = shapesOf(demo.stdout);
    const shown = shapesOf(blocksOf('text demo')[0] ?? '');
    expect(shown.length).toBeGreaterThan(5);
    for (const line of shown) if (line !== '…') expect(printed).toContain(line);
  });
});

describe('an example', () => {
  it('quickstart.mjs streams an answer and leaves its receipts', async () => {
    const { standIn, home, folder } = await open({ script: [{ kind: 'answer', content: 'Hello to you.' }] });
    cpSync(join(ROOT, 'examples/quickstart.mjs'), join(folder, 'quickstart.mjs'));
    const ended = await runConsumer(folder, 'quickstart.mjs', { home, standIn: standIn.url });
    expect(ended).toMatchObject({ code: 0, stdout: 'Hello to you.\n' });
    const rows = await readRows(home, 'quickstart');
    expect(rows.map((row) => row.decision.costSource)).toEqual([undefined, 'provider']);
  });

  it('quickstart.mjs says why a call was refused once the dime is spent', async () => {
    const { standIn, home, folder } = await open({
      script: () => ({ kind: 'answer', costOverride: '0.0999' }),
    });
    cpSync(join(ROOT, 'examples/quickstart.mjs'), join(folder, 'quickstart.mjs'));
    const run = () => runConsumer(folder, 'quickstart.mjs', { home, standIn: standIn.url });
    expect(await run()).toMatchObject({ code: 0 });
    const refused = await run();
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^refused: a dime a day: block cap \$0\.10 per_day/);
    expect(standIn.requests).toHaveLength(1);
  });

  it('fetch.mjs prints an answer, and its receipts have the labels of the task', async () => {
    const { standIn, home, folder } = await open({ script: [{ kind: 'answer', content: 'Hello, fetch.' }] });
    cpSync(join(ROOT, 'examples/fetch.mjs'), join(folder, 'fetch.mjs'));
    const ended = await runConsumer(folder, 'fetch.mjs', { home, standIn: standIn.url });
    expect(ended).toEqual({ code: 0, stdout: 'Hello, fetch.\n', stderr: '' });
    const rows = await readRows(home, 'quickstart');
    expect(rows).toHaveLength(2);
    for (const row of rows) expect(row.decision.actor).toMatchObject({ agentId: 'greeter', taskId: 'hello' });
  });
});

/** Lines without what differs between runs: amounts, times, ids, widths. */
function shapesOf(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) =>
      line
        .replace(/[0-9a-f]{8,}|\d[\d.,:TZ-]*/g, '#')
        .replace(/[\s─-]+/g, ' ')
        .trim(),
    )
    .filter(Boolean);
}
