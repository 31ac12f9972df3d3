/** What every command does alike: help, version, mistakes, faults of our own, Ctrl-C. */
import { describe, expect, it } from 'vitest';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { run } from '../../src/cli/main.js';
import { readPackageVersion } from '../../src/cli/package-version.js';
import { nameInvocation } from '../../src/cli/process-io.js';
import { writeLedger } from '../core/ledger-fixture.js';
import { makeHome } from '../helpers/home.js';
import { findControls, putLedger, runCli } from './run-cli.js';

describe('the command line', () => {
  it.each([[['--version']], [['verify', '--version']]])('%j prints the version', async (argv) => {
    expect(await runCli(argv)).toEqual({ code: 0, out: `${readPackageVersion()}\n`, err: '' });
  });

  it.each([[['--help']], [['help']], [['verify', '--help']], [['help', 'explain']], [['doctor', '--help']]])(
    '%j explains, an example first',
    async (argv) => {
      const { code, out, err } = await runCli(argv);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toMatch(/^Example:\n {2}agentguard \w+/);
      expect(out).toContain('--home <dir>');
    },
  );

  it('without a command explains itself on standard error: 2', async () => {
    const { code, out, err } = await runCli([]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('Commands:');
  });

  it.each([
    [['verfy'], 'there is no command "verfy"', 'did you mean verify?'],
    [['xyzzy'], 'there is no command "xyzzy"', 'the commands are verify'],
    [['proxy'], 'there is no command "proxy"', ''],
    [['verify', '--jsn'], '"verify" has no option "--jsn"', 'did you mean --json?'],
    [['--qiet', 'verify'], 'has no option "--qiet"', 'did you mean --quiet?'],
    [['explain', 'a', 'b'], 'too many arguments', 'agentguard help explain'],
    [['verify', '--home'], "option '--home <dir>' argument missing", 'agentguard help verify'],
    [['\u001b[2Jverify'], 'there is no command "\\u{1b}[2Jverify"', ''],
  ])('%j is a mistake that is named, with the way out: 2', async (argv, message, hint) => {
    const { code, out, err } = await runCli(argv, { home: '/nowhere' });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^agentguard: error: .*\nhint: .*\n$/);
    expect(err).toContain(message);
    expect(err).toContain(`hint: ${hint}`);
    expect(findControls(err)).toEqual([]);
  });

  it('common options may stand before or after the command', async () => {
    const home = await makeHome();
    await putLedger(home, writeLedger('a').lines);
    for (const argv of [
      ['--home', home, '--json', 'verify'],
      ['verify', '--json', '--home', home],
    ]) {
      const { code, out } = await runCli(argv);
      expect(code).toBe(0);
      expect(JSON.parse(out).ok).toBe(true);
    }
  });

  it('the home is the option, then AGENTGUARD_HOME, then ~/.agentguard', async () => {
    const [option, variable, user] = [await makeHome(), await makeHome(), await makeHome()];
    const homeOf = async (argv: readonly string[], env: Record<string, string>) =>
      JSON.parse((await runCli([...argv, 'doctor', '--json'], { env, userDir: user })).out).home;
    expect(await homeOf(['--home', option], { AGENTGUARD_HOME: variable })).toBe(option);
    expect(await homeOf([], { AGENTGUARD_HOME: variable })).toBe(variable);
    expect(await homeOf([], { AGENTGUARD_HOME: '' })).toBe(`${user}/.agentguard`);
  });

  it.each([
    ['a terminal', true, {}, [], true],
    ['no terminal', false, {}, [], false],
    ['NO_COLOR', true, { NO_COLOR: '1' }, [], false],
    ['an empty NO_COLOR', true, { NO_COLOR: '' }, [], true],
    ['a dumb terminal', true, { TERM: 'dumb' }, [], false],
    ['--no-color', true, {}, ['--no-color'], false],
  ])('colours with %s', async (_what, isTerminal, env, flags, isColored) => {
    const home = await makeHome();
    await putLedger(home, writeLedger('a').lines);
    const { out } = await runCli(['verify', ...flags], { home, isTerminal, env });
    expect(out.includes('\u001b[')).toBe(isColored);
    const { err } = await runCli(['verify', '/none', ...flags], { home, isTerminal, env });
    expect(err.includes('\u001b[')).toBe(isColored);
  });

  it('a fault of our own is a sentence with what to do, never a stack: 70', async () => {
    const err: string[] = [];
    const world = {
      argv: ['doctor'],
      env: {},
      stdin: (async function* () {})(),
      stdout: { write: () => {}, isTerminal: false, columns: 80 },
      stderr: { write: (text: string) => void err.push(text), isTerminal: false, columns: 80 },
      cwd: '/',
      userDir: '/',
      invokedAs: 'agentguard',
      now: () => {
        throw new TypeError('boom\n    at somewhere');
      },
      elapsedMs: () => 0,
      randomHex: () => '',
      signal: new AbortController().signal,
    };
    const home = await makeHome();
    await putLedger(home, writeLedger('a').lines);
    expect(await run({ ...world, env: { AGENTGUARD_HOME: home } })).toBe(EXIT_CODES.bug);
    expect(err.join('')).toMatch(
      /^agentguard: error: this is a fault of agentguard itself \(TypeError: boom\\u\{a\}/,
    );
    expect(err.join('').split('\n')).toHaveLength(3);
  });

  it('Ctrl-C ends a command that waits for input: 130', async () => {
    const controller = new AbortController();
    const stdin: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }),
    };
    setTimeout(() => controller.abort(), 20);
    const quiet = { write: () => {}, isTerminal: false, columns: 80 };
    const code = await run({
      argv: ['verify', '-'],
      env: {},
      stdin,
      stdout: quiet,
      stderr: quiet,
      cwd: '/',
      userDir: '/',
      invokedAs: 'agentguard',
      now: Date.now,
      elapsedMs: () => 0,
      randomHex: () => '',
      signal: controller.signal,
    });
    expect(code).toBe(130);
  });

  it.each([
    ['/home/me/p/node_modules/.bin/agentguard', 'npx agentguard'],
    ['/usr/local/bin/agentguard', 'agentguard'],
    ['/home/me/repo/bin/agentguard.js', 'node bin/agentguard.js'],
    ['/elsewhere/bin/agentguard.js', 'node /elsewhere/bin/agentguard.js'],
  ])('started as %s suggests %s', (script, name) => {
    expect(nameInvocation(script, '/home/me/repo')).toBe(name);
  });
});
