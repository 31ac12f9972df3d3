import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeHome } from '../helpers/home.js';
import { findControls, runCli, stripColors } from './run-cli.js';

describe('demo', () => {
  it('shows allow, downgrade, block, a stream and a wait, and proves its own ledger', async () => {
    const home = await makeHome();
    const { code, out, err } = await runCli(['demo', '--no-open'], { home, isTerminal: true, columns: 80 });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(findControls(out)).toEqual([]);
    const plain = stripColors(out);
    expect(Math.max(...plain.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    const actions = Array.from(plain.matchAll(/^\d {2}(\w+)/gm), ([, action]) => action);
    expect(actions).toEqual(['allow', 'allow', 'allow', 'allow', 'downgrade', 'block']);
    expect(plain).toMatch(/\d+ events/);
    expect(plain).toMatch(/hard ceiling: block cap \$0\.10/);
    expect(plain).toContain('would pass now: anthropic/claude-haiku-4.5');
    expect(plain).toContain('the same, to the last digit');
    expect(plain).toMatch(/^ {2}downgrade cap \$0\.05\/day: highest \$0\.03\d* {2}/m);
    expect(plain).toMatch(/^ {2}cap \$0\.10\/day: highest \$0\.03\d*, never exceeded/m);
    expect(plain).toMatch(/Verified: contiguous, lawful\. Not proved here: /);
    expect(
      plain
        .trimEnd()
        .split('\n')
        .slice(-3)
        .map((line) => line.trim()),
    ).toEqual(['agentguard verify --trace latest', 'agentguard explain latest', 'agentguard serve']);
  });

  it('the second call waits for the hold of the first instead of being refused', async () => {
    const home = await makeHome();
    const { calls } = JSON.parse((await runCli(['demo', '--json'], { home })).out);
    const rows = (await readFile(join(home, 'demo', 'decisions.ndjson'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).decision);
    const at = (predicate: (row: Record<string, unknown>) => boolean) => rows.findIndex(predicate);
    const settledFirst = at((row) => row.originalDecisionId === calls[2].decisionId);
    const decidedSecond = at((row) => row.decisionId === calls[3].decisionId);
    expect(settledFirst).toBeGreaterThan(0);
    expect(decidedSecond).toBeGreaterThan(settledFirst);
  });

  it('run again, appends to the same ledger, tells the same story, and verifies', async () => {
    const home = await makeHome();
    const stories: unknown[] = [];
    for (const run of [1, 2, 3]) {
      const { code, out } = await runCli(['demo', '--json'], { home });
      expect(code).toBe(0);
      const { ok, calls, ledgerUsd, billUsd, verification } = JSON.parse(out);
      expect({ ok, ledgerUsd, rows: verification.rows }).toEqual({
        ok: true,
        ledgerUsd: billUsd,
        rows: 11 * run,
      });
      expect(ledgerUsd).toBe('0.03102');
      stories.push(calls.map(({ decisionId: _, ...call }: { decisionId: string }) => call));
    }
    expect(stories[1]).toEqual(stories[0]);
    expect(stories[2]).toEqual(stories[0]);
  }, 30_000);

  it('leaves no word of its prompts, answers or key in the home', async () => {
    const home = await makeHome();
    await runCli(['demo', '--quiet'], { home });
    const files = await readdir(home, { recursive: true, withFileTypes: true });
    const texts = await Promise.all(
      files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name), 'utf8')),
    );
    expect(texts.join('')).toContain('demo-policy');
    for (const word of ['Summarise', 'manual', 'no-key-needed', 'Bearer'])
      expect(texts.join('')).not.toContain(word);
  });

  it('--quiet says nothing, and a damaged ledger ends it with an error', async () => {
    const home = await makeHome();
    expect(await runCli(['demo', '--quiet'], { home })).toEqual({ code: 0, out: '', err: '' });
    const path = join(home, 'demo', 'decisions.ndjson');
    await writeFile(path, (await readFile(path, 'utf8')).replace('"0.0106"', '"0.0107"'));
    const { code, err } = await runCli(['demo'], { home });
    expect(code).toBe(3);
    expect(err).toMatch(/^agentguard: error: .*(is damaged|changed behind the guard’s back)/);
  });

  it('an unsafe home is refused with what to do: 3', async () => {
    const home = await makeHome();
    await chmod(home, 0o777);
    const { code, err } = await runCli(['demo'], { home });
    expect(code).toBe(3);
    expect(err).toContain(`hint: Run: chmod 700 ${home}`);
  });
});
