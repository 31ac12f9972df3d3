/** `agentguard init`: home, ledger and key of a scope, a starter policy and a runnable quickstart; never overwrites. */
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { computeSignerFingerprint } from '../../core/receipt.js';
import { openLedger } from '../../store/ledger.js';
import { locateScope } from '../../store/paths.js';
import { explainSystemError, unreadableError } from '../cli-error.js';
import { type CommandContext, quoteForShell, suggest } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { bold, paint } from '../print.js';
import { AGENT_FILE, POLICY_FILE, printAgent, printStarterPolicy } from '../starter.js';

interface Made {
  readonly what: string;
  readonly path: string;
  readonly isNew: boolean;
}

/** Runs `init`. @throws AgentGuardError when the home is unsafe; CliError when the folder cannot be written. */
export async function runInit(context: CommandContext, scope: string): Promise<ExitCode> {
  const { io, home } = context;
  const paths = locateScope(home, scope);
  const hadKey = await exists(paths.key);
  const hadLedger = await exists(paths.ledger);
  const store = await openLedger({ home, scope });
  const { publicKeyHex } = store;
  await store.close();
  const policy = await writeNew(io.cwd, POLICY_FILE, printStarterPolicy(scope, io.now()));
  const agent = await writeNew(io.cwd, AGENT_FILE, printAgent(scope));
  const made: readonly Made[] = [
    { what: 'ledger', path: paths.ledger, isNew: !hadLedger },
    { what: 'ledger key', path: paths.key, isNew: !hadKey },
    { what: 'policy', path: join(io.cwd, POLICY_FILE), isNew: policy },
    { what: 'quickstart', path: join(io.cwd, AGENT_FILE), isNew: agent },
  ];
  const fingerprint = computeSignerFingerprint(publicKeyHex);
  if (context.json) context.out.json({ home, scope, publicKeyHex, fingerprint, made });
  else if (!context.quiet) printMade(context, made, publicKeyHex);
  return EXIT_CODES.ok;
}

function printMade(context: CommandContext, made: readonly Made[], publicKeyHex: string): void {
  const { out, io, homeFlag } = context;
  for (const { what, path, isNew } of made) {
    const state = isNew ? paint('green', 'made  ') : paint('yellow', 'exists');
    out.line([state, `  ${what.padEnd(10)}  ${path}${isNew ? '' : ' (left as it is)'}`], 20);
  }
  out.blank();
  out.line('The public key of this ledger, to give to whoever verifies it:');
  out.line(`  ${publicKeyHex}`);
  out.blank();
  out.line(bold('Next'));
  const home =
    io.env.AGENTGUARD_HOME || homeFlag === undefined ? '' : `AGENTGUARD_HOME=${quoteForShell(context.home)} `;
  out.command('npm install openai @agentguard-run/spend');
  out.command(`${home}OPENROUTER_API_KEY=sk-or-… node ${AGENT_FILE}`);
  out.command(suggest(context, `policy check ${POLICY_FILE}`));
  out.command(suggest(context, 'verify --trace latest'));
}

/** Creates a file unless there is one. Whether it was created. */
async function writeNew(folder: string, name: string, text: string): Promise<boolean> {
  try {
    await fs.writeFile(join(folder, name), text, { flag: 'wx' });
    return true;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') return false;
    throw unreadableError(`${join(folder, name)} cannot be made: the folder ${explainSystemError(cause)}`);
  }
}

async function exists(path: string): Promise<boolean> {
  return fs.lstat(path).then(
    () => true,
    () => false,
  );
}
