/** `watch` in a terminal of its own: it draws what is there, follows what comes, and leaves everything as it was. */
import { spawn, spawnSync } from 'node:child_process';
import { appendFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { putLedger } from '../cli/run-cli.js';
import { fixedSigner, LedgerWriter } from '../core/ledger-fixture.js';
import { makeHome } from '../helpers/home.js';

const BIN = fileURLToPath(new URL('../../bin/agentguard.js', import.meta.url));
const ENTER = '\u001b[?1049h';
const LEAVE = '\u001b[0m\u001b[?25h\u001b[?1049l';
const hasScript = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0;

/** A shell on a terminal of 80×24 that starts `watch`, and tells its process and how it ended. */
async function openTerminal(ledger = new LedgerWriter()) {
  const home = await makeHome();
  const path = await putLedger(home, ledger.lines);
  const inner = `stty cols 80 rows 24; sh -c 'echo PID=$$; exec "$0" "$@"' "${process.execPath}" "${BIN}" watch --home "${home}"; echo "END=$?"; stty -a | grep -o -- "-\\?echo\\b"`;
  const child = spawn('script', ['-qfc', inner, '/dev/null'], {
    env: { ...process.env, TERM: 'xterm-256color', CI: 'true' },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
  });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const see = async (what: string | RegExp, from = 0) => {
    for (let tries = 0; !output.slice(from).match(what); tries++) {
      if (tries > 400) throw new Error(`never saw ${String(what)} in ${JSON.stringify(output.slice(-2000))}`);
      await sleep(25);
    }
    return output.length;
  };
  await see(/● live/);
  return {
    path,
    see,
    type: (text: string) => child.stdin.write(text),
    kill: (signal: NodeJS.Signals) => process.kill(Number(/PID=(\d+)/.exec(output)?.[1]), signal),
    /** What the shell had to say after `watch` was gone. */
    async end() {
      await ended;
      const at = output.indexOf(LEAVE);
      return {
        rest: output.slice(at + LEAVE.length).replaceAll('\u001b[?25h', ''),
        screens: [ENTER, LEAVE].map((one) => output.split(one).length - 1),
        output,
      };
    },
  };
}

type Terminal = Awaited<ReturnType<typeof openTerminal>>;

function ledgerOf(...users: readonly string[]): LedgerWriter {
  const writer = new LedgerWriter();
  for (const userId of users)
    writer.add({
      signer: fixedSigner(1),
      decision: { actor: { tenantId: 'acme', userId }, modelResolved: 'a/b' },
    });
  return writer;
}

describe.skipIf(!hasScript)('watch in a terminal', () => {
  it('shows calls, follows the ledger, filters, and ends with Ctrl-C', async () => {
    const ledger = ledgerOf('alice', 'evil\u202e\u001b[31m');
    const terminal = await openTerminal(ledger);
    await terminal.see('alice');
    let at = await terminal.see(/2 calls/);
    ledger.add({ signer: fixedSigner(1), decision: { actor: { tenantId: 'acme', userId: 'carol' } } });
    await appendFile(terminal.path, `${ledger.lines.at(-1)}\n`);
    at = await terminal.see(/3 calls/, at);
    terminal.type('/user:carol');
    at = await terminal.see('/ .*user:carol', at);
    terminal.type('\r');
    await terminal.see(/1 call [\s\S]*filter: user:carol/, at);
    terminal.type('\u0003');
    const { rest, screens, output } = await terminal.end();
    expect(rest.trim().split(/\s+/)).toEqual(['END=0', 'echo']);
    expect(screens).toEqual([1, 1]);
    expect(output).not.toContain('\u202e');
  });

  const kill = (signal: NodeJS.Signals) => (terminal: Terminal) => terminal.kill(signal);
  const more: readonly [string, (terminal: Terminal) => void, string][] = [
    ['q', (terminal) => terminal.type('q'), 'END=0'],
    ['SIGHUP', kill('SIGHUP'), 'END=129'],
    ['SIGINT', kill('SIGINT'), 'END=130'],
  ];
  it.each([['SIGTERM', kill('SIGTERM'), 'END=143'] as const, ...(process.env.SLOW ? more : [])])(
    'leaves the terminal as it was after %s',
    async (_, stop, code) => {
      const terminal = await openTerminal(ledgerOf('alice'));
      await terminal.see('alice');
      stop(terminal);
      const { rest, screens } = await terminal.end();
      expect(rest.trim().split(/\s+/)).toEqual([code, 'echo']);
      expect(screens).toEqual([1, 1]);
    },
  );
});
