/** docs/cli.md and docs/errors.md say what there is: every command, flag, exit code, JSON key and error code. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import type { CliIo } from '../../src/cli/io.js';
import { createProgram } from '../../src/cli/program.js';
import { VERDICT_NAMES } from '../../src/cli/verify-print.js';
import { ERROR_CODES, REFUSAL_CODES } from '../../src/core/errors.js';
import { writeLedger } from '../core/ledger-fixture.js';
import { makeHome } from '../helpers/home.js';
import { putLedger, runCli } from './run-cli.js';

const DOCS = fileURLToPath(new URL('../../docs', import.meta.url));
const cli = readFileSync(join(DOCS, 'cli.md'), 'utf8');
const errors = readFileSync(join(DOCS, 'errors.md'), 'utf8');

const output = { write: () => {}, isTerminal: false, columns: 80 };
const program = createProgram({ stdout: output, stderr: output } as unknown as CliIo, '0', () => {});
const commands = program.commands.filter((command) => command.name() !== 'help');

/** The text below a heading, to the next one of its level. */
function sectionOf(text: string, heading: string): string {
  const start = text.indexOf(`\n## ${heading}\n`);
  if (start < 0) return '';
  const end = text.indexOf('\n## ', start + 4);
  return text.slice(start, end < 0 ? undefined : end);
}

/** First cells of a section's table rows, without the head. */
function firstCells(section: string): string[] {
  return Array.from(section.matchAll(/^\| `([^`]+)`/gm), ([, cell]) => cell!);
}

describe('docs/cli.md', () => {
  it('has a section for each command, and none for others', () => {
    const sections = Array.from(cli.matchAll(/^## ([a-z-]+)$/gm), ([, name]) => name);
    expect(commands.length).toBeGreaterThan(4);
    expect(sections.toSorted()).toEqual(commands.map((command) => command.name()).toSorted());
  });

  it.each(commands.map((command): [string, Command] => [command.name(), command]))(
    'lists exactly the options of %s',
    (name, command) => {
      const documented = firstCells(sectionOf(cli, name)).filter((cell) => cell.startsWith('--'));
      expect(documented.toSorted()).toEqual(command.options.map((option) => option.flags).toSorted());
    },
  );

  it.each(commands.map((command): [string, Command] => [command.name(), command]))(
    'names the arguments of %s',
    (name, command) => {
      const usage = command.registeredArguments.map((one) => `[${one.name()}${one.variadic ? '...' : ''}]`);
      expect(sectionOf(cli, name)).toContain(['`agentguard', name, ...usage].join(' '));
    },
  );

  it('lists exactly the common options', () => {
    const documented = firstCells(sectionOf(cli, 'Options of every command'));
    const flags = [...program.options.map((option) => option.flags), '--help'];
    expect(documented.toSorted()).toEqual(flags.toSorted());
  });

  it('lists exactly the exit codes, by number and name', () => {
    const rows = Array.from(
      sectionOf(cli, 'Exit codes').matchAll(/^\| (\d+) \| `(\w+)` \|/gm),
      ([, code, name]) => [name!, Number(code)],
    );
    expect(Object.fromEntries(rows)).toEqual(EXIT_CODES);
  });

  it('names every verdict', () => {
    for (const name of VERDICT_NAMES) expect(sectionOf(cli, 'verify')).toContain(name);
  });
});

describe('the trust file of docs/cli.md', () => {
  it('is accepted as it stands', async () => {
    const home = await makeHome();
    await putLedger(home, writeLedger('a').lines);
    await writeFile(join(home, 'trust.json'), exampleOf('trust'));
    const { code, err } = await runCli(['verify', '--trust', 'trust.json'], { home, cwd: home });
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });
});

describe('a JSON example of docs/cli.md has the keys of the real output', () => {
  it.each([
    ['verify', ['verify', 'acme', 'gone', '--quick', '--trace', '00000000-0000-4000-8000-000000000000']],
    ['explain', ['explain']],
    ['demo', ['demo']],
    ['init', ['init']],
    ['doctor', ['doctor']],
    ['report', ['report', '--period', '2026']],
    ['status', ['status']],
  ])('%s', async (name, argv) => {
    const home = await makeHome();
    await putLedger(home, writeLedger('a').lines);
    const { out } = await runCli([...argv, '--json'], { home, cwd: home });
    const [documented, real] = [JSON.parse(exampleOf(name)), JSON.parse(out)];
    expect(keysOf(documented)).toEqual(keysOf(real));
    // A decision is documented elsewhere, in full.
    for (const key of Object.keys(real).filter((one) => one !== 'decision'))
      expect(`${key}: ${keysOf(first(documented[key]))}`).toBe(
        `${key}: ${compare(documented[key], real[key])}`,
      );
  });
});

describe('docs/errors.md', () => {
  it('lists exactly the codes of refusals, in order', () => {
    expect(firstCells(sectionOf(errors, 'Refused calls'))).toEqual([...REFUSAL_CODES]);
  });

  it('lists exactly the other codes, in order', () => {
    expect(firstCells(sectionOf(errors, 'Other errors'))).toEqual([...ERROR_CODES]);
  });

  it('says of each what to do', () => {
    for (const [, cells] of errors.matchAll(/^\| `\w+` \|(.*)\|$/gm)) {
      expect(cells!.split(' | ').map((cell) => cell.trim().length > 10)).toEqual([true, true]);
    }
  });
});

/** The fenced example with this name. */
function exampleOf(name: string): string {
  const [, text] = new RegExp(`\`\`\`json ${name}\\n([\\s\\S]*?)\n\`\`\``).exec(cli) ?? [];
  if (text === undefined) throw new Error(`docs/cli.md has no example "json ${name}"`);
  return text;
}

function keysOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? Object.keys(value).join() : typeof value;
}

function first(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : value;
}

/** The keys of the real value, where the example shows any: long parts are documented once. */
function compare(documented: unknown, real: unknown): string {
  const isCut =
    keysOf(first(documented)) === '' || first(real) === undefined || first(documented) === undefined;
  return keysOf(isCut ? first(documented) : first(real));
}
