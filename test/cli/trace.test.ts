import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { fixedSigner, LedgerWriter, writeLedger } from '../core/ledger-fixture.js';
import { makeHome } from '../helpers/home.js';
import { putLedger, runCli } from './run-cli.js';

const TIMES = ['2026-10-01T12:00:00.000Z', '2026-10-05T12:00:00.000Z', '2026-10-03T12:00:00.000Z'];

/** Three scopes; the one in the middle of the alphabet has the newest row. */
async function makeScopes() {
  const home = await makeHome();
  for (const [i, scope] of ['alpha', 'beta', 'gamma'].entries()) {
    const writer = new LedgerWriter();
    const signer = fixedSigner(i + 1);
    for (const sessionId of ['one', 'two', 'two']) {
      const actor = {
        tenantId: scope,
        sessionId: `${scope}-${sessionId}`,
        taskId: 'shared-task',
        workflowId: 'w',
      };
      writer.add({
        signer,
        decision: { timestamp: TIMES[i]!, actor, decisionId: `${scope}-${writer.lines.length}` },
      });
    }
    await putLedger(home, writer.lines, scope);
  }
  return home;
}

/** The scopes whose ledgers a selector chose. */
async function trace(home: string, selector: string) {
  const { code, out, err } = await runCli(['verify', '--json', '--trace', selector], { home });
  const report = out === '' ? undefined : JSON.parse(out);
  const scopes = report?.files.map((file: { path: string }) => file.path.split('/').at(-2)).join() as
    | string
    | undefined;
  const selected = report?.files.map((file: { selected?: { lines: number[] } }) => file.selected?.lines);
  return { code, err, scopes, selected };
}

describe('--trace', () => {
  it('latest takes the ledger with the newest row by its signed time, all of it', async () => {
    const home = await makeScopes();
    expect(await trace(home, 'latest')).toMatchObject({ code: 0, scopes: 'beta', selected: [undefined] });
  });

  it('latest does not care which file was written last', async () => {
    const home = await makeScopes();
    const { lines } = writeLedger('a');
    await putLedger(home, lines, 'zeta');
    expect(await trace(home, 'latest')).toMatchObject({ scopes: 'beta' });
  });

  it.each([
    ['a scope', 'gamma', 'gamma', [undefined]],
    ['a fingerprint', fixedSigner(1).fingerprint, 'alpha', [[1, 2, 3]]],
    ['a full key', fixedSigner(3).publicKeyHex, 'gamma', [[1, 2, 3]]],
    ['a decision', 'beta-1', 'beta', [[2]]],
    ['a session', 'alpha-two', 'alpha', [[2, 3]]],
    [
      'a task of several ledgers',
      'shared-task',
      'alpha,beta,gamma',
      [
        [1, 2, 3],
        [1, 2, 3],
        [1, 2, 3],
      ],
    ],
    [
      'a workflow',
      'w',
      'alpha,beta,gamma',
      [
        [1, 2, 3],
        [1, 2, 3],
        [1, 2, 3],
      ],
    ],
  ])('takes %s', async (_what, selector, scopes, selected) => {
    expect(await trace(await makeScopes(), selector)).toMatchObject({ code: 0, scopes, selected });
  });

  it.each([
    ['nobody knows', 'delta-one', 'the id of a decision'],
    ['is only part of an id', 'alpha-tw', undefined],
    ['is nearly a scope', 'gama', 'did you mean gamma?'],
    ['is nearly latest', 'lastest', 'did you mean latest?'],
    ['is text in another field', 'within every cap', undefined],
  ])('a selector that %s ends with 3', async (_what, selector, hint) => {
    const { code, err, scopes } = await trace(await makeScopes(), selector);
    expect({ code, scopes }).toEqual({ code: 3, scopes: undefined });
    expect(err).toMatch(/^agentguard: error: no row and no scope is named /);
    if (hint) expect(err).toContain(hint);
  });

  it('says in words what was chosen, and how many rows name it', async () => {
    const home = await makeScopes();
    const { out } = await runCli(['verify', '--trace', 'alpha-two'], { home });
    expect(out).toMatch(/^alpha-two: rows that name alpha-two\n/);
    expect(out).toContain('trace alpha-two: 2 rows name it, lines 2, 3; no problem in them.');
  });

  it('a problem in the chosen rows is counted, one elsewhere still fails the ledger', async () => {
    const home = await makeScopes();
    const writer = new LedgerWriter();
    for (const sessionId of ['x', 'y'])
      writer.add({ signer: fixedSigner(9), decision: { actor: { sessionId } } });
    const path = await putLedger(home, writer.lines, 'alpha');
    await writeFile(path, `${writer.lines.join('\n').replace('0.000128', '0.000129')}\n`);
    const bad = await runCli(['verify', '--trace', 'x'], { home });
    expect(bad.code).toBe(1);
    expect(bad.out).toContain('1 row names it, line 1; 1 problem in them!');
    const other = await runCli(['verify', '--trace', 'y'], { home });
    expect(other.code).toBe(1);
    expect(other.out).toContain('no problem in them.');
  });

  it('looks in files that were named as well', async () => {
    const home = await makeScopes();
    const { code, out } = await runCli(['verify', 'alpha', 'beta', '--trace', 'beta-0'], { cwd: home });
    expect(code).toBe(0);
    expect(out).toContain(`${home}/beta/decisions.ndjson`);
    expect(out).not.toContain('alpha');
  });
});
