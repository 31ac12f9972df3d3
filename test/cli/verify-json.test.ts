/** The stable shape of `verify --json`: what docs/cli.md promises to scripts. */
import { describe, expect, it } from 'vitest';
import { writeLedger } from '../core/ledger-fixture.js';
import { makeHome } from '../helpers/home.js';
import { putLedger, runCli } from './run-cli.js';

const verdict = { answer: expect.stringMatching(/^(yes|no|unknown)$/), because: expect.any(String) };
const verdicts = { authentic: verdict, contiguous: verdict, complete: verdict, lawful: verdict };
const hex = (length: number) => expect.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
const chain = {
  signer: hex(64),
  fingerprint: hex(16),
  rows: expect.any(Number),
  first: expect.any(Number),
  last: expect.any(Number),
  head: hex(64),
  verdicts,
};
const problem = {
  code: expect.stringMatching(/^[A-Z_0-9]+$/),
  severity: expect.stringMatching(/^(error|warning|note)$/),
  line: expect.any(Number),
  sequence: expect.toBeOneOf([null, expect.any(Number)]),
  message: expect.any(String),
};

async function verifyJson(pattern: string, ...more: readonly string[]) {
  const home = await makeHome();
  const path = await putLedger(home, writeLedger(pattern).lines);
  const { code, out, err } = await runCli(['verify', '--json', ...more], { home });
  return { home, path, code, err, report: JSON.parse(out) };
}

describe('verify --json', () => {
  it('has exactly the documented keys', async () => {
    const { code, report, path, err } = await verifyJson('aab');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(report).toStrictEqual({
      ok: true,
      verdicts,
      caps: [],
      files: [
        {
          path,
          kind: 'ledger',
          rows: 3,
          ledgerId: hex(32),
          chains: [chain, chain],
          problems: [problem, problem],
          problemCount: 2,
          verdicts,
          caps: [],
        },
      ],
      unreadable: [],
      required: [],
      took_ms: expect.any(Number),
    });
  });

  it('names what was traced and required', async () => {
    const { code, report } = await verifyJson('a', '--trace', 'alice-none', '--require', 'authentic').catch(
      () => ({
        code: 0,
        report: undefined,
      }),
    );
    expect({ code, report }).toEqual({ code: 0, report: undefined });
    const traced = await verifyJson(
      'aa',
      '--trace',
      '00000000-0000-4000-8000-000000000001',
      '--require',
      'authentic',
    );
    expect(traced.code).toBe(4);
    expect(traced.report).toMatchObject({
      ok: true,
      required: ['authentic'],
      trace: { selector: '00000000-0000-4000-8000-000000000001', meaning: expect.any(String) },
      files: [{ selected: { rows: 1, lines: [2] } }],
    });
  });

  it('is not ok when a file could not be read, and says which', async () => {
    const home = await makeHome();
    await putLedger(home, writeLedger('a').lines);
    const { code, out } = await runCli(['verify', 'acme', 'none', '--json'], { cwd: home });
    expect(code).toBe(3);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      unreadable: [{ path: 'none', message: 'does not exist' }],
    });
  });

  it('prints nothing on standard output when there is nothing to tell', async () => {
    const { code, out, err } = await runCli(['verify', '--json'], { home: '/nowhere' });
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(err).toContain('agentguard: error: ');
  });
});
