/** The commands and their options (docs/cli.md). Each command's own code is loaded only when it runs. */
import { Command, type OptionValues } from 'commander';
import { type CommandContext, type CommonOptions, createContext } from './context.js';
import type { ExitCode } from './exit-codes.js';
import type { CliIo } from './io.js';
import { defineRecordCommands } from './record-commands.js';

/** Runs one command with its options and arguments. */
type Handler = (context: CommandContext, options: OptionValues, args: readonly string[]) => Promise<ExitCode>;

/** Builds the tree of commands. `finish` hears the exit code of the one that ran. */
export function createProgram(io: CliIo, version: string, finish: (code: ExitCode) => void): Command {
  const program = new Command('agentguard')
    .description('Spend caps and signed receipts for AI agents: prove, explain and check ledgers.')
    .version(version, '--version', 'print the version of this package')
    .option('--home <dir>', 'folder of all ledgers (default: AGENTGUARD_HOME, else ~/.agentguard)')
    .option('--json', 'print the result as JSON')
    .option('--no-color', 'no colours, as with NO_COLOR')
    .option('--quiet', 'say nothing when all is well')
    .helpOption('--help', 'explain a command, an example first')
    .helpCommand('help [command]', 'explain a command, an example first')
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput(bindOutput(io));
  const add = (name: string, example: string, load: () => Promise<Handler>): Command => {
    const command = program.command(name).addHelpText('before', `Example:\n  ${example}\n`);
    command.action(async () => {
      const handler = await load();
      const common: CommonOptions = program.opts();
      finish(await handler(createContext(io, common), command.opts(), command.args));
    });
    return command;
  };
  program.addHelpText('before', 'Example:\n  agentguard verify --trace latest\n');
  defineVerify(add);
  add('explain', 'agentguard explain latest', async () => {
    const { runExplain } = await import('./commands/explain.js');
    return (context, _options, [id]) => runExplain(context, id);
  })
    .description('tell one decision in words: rule, numbers, cap arithmetic, what would have passed')
    .argument('[id]', 'a decision id or the start of one, or latest', 'latest');
  add('demo', 'agentguard demo', async () => {
    const { runDemo } = await import('./commands/demo.js');
    return runDemo;
  })
    .description('run a guarded agent against a built-in stand-in for OpenRouter, then verify its ledger')
    .option('--no-open', 'open nothing in a browser');
  defineServe(add);
  add('init', 'agentguard init --scope acme', async () => {
    const { runInit } = await import('./commands/init.js');
    return (context, options) => runInit(context, String(options.scope));
  })
    .description('make the home, a ledger key, a starter policy and a runnable quickstart; never overwrites')
    .option('--scope <name>', 'tenant whose ledger is made', 'default');
  add('doctor', 'agentguard doctor', async () => {
    const { runDoctor } = await import('./commands/doctor.js');
    return runDoctor;
  })
    .description('look at home, keys, locks, ledgers and clock: what is wrong and how to fix it')
    .option('--repair', 'mend what crashes left; removes no row')
    .option('--acknowledge <scope>', 'sign that a ledger or clock that guards refuse is right', collect)
    .option('--note <text>', 'why, for the signed row of --acknowledge');
  definePolicy(add);
  defineModels(add);
  defineReconcile(add);
  defineRecordCommands(add);
  defineProofs(add);
  defineControls(add);
  return program;
}

function defineServe(add: (name: string, example: string, load: () => Promise<Handler>) => Command): void {
  add('serve', 'agentguard serve', async () => {
    const { runServe } = await import('./commands/serve.js');
    return runServe;
  })
    .description('open the dashboard in the browser, and serve it until Ctrl-C')
    .option('--port <number>', 'where to serve (default: 8787, or the next free one)')
    .option('--host <address>', 'serve under this address only, instead of localhost')
    .option('--expose-to-network', 'let --host be an address that other machines can reach')
    .option('--scope <name>', 'show the ledger of this scope only')
    .option('--no-open', 'open nothing in a browser');
}

function defineModels(add: (name: string, example: string, load: () => Promise<Handler>) => Command): void {
  add('models', 'agentguard models --sync-pricing', async () => {
    const { runModels } = await import('./commands/models.js');
    return runModels;
  })
    .description('show the price table, or fetch it from OpenRouter (--sync-pricing; safe in cron)')
    .argument('[filter...]', 'words that an id or name must have; diff compares with the table before')
    .option('--sync-pricing', 'fetch, check and replace the price table')
    .option('--url <address>', 'where the list of models is, instead of OpenRouter')
    .option('--timeout <seconds>', 'for the whole sync (default: 60)')
    .option('--max-change <ratio>', 'hold back a model whose price jumped further, up or down (default: 10)')
    .option('--accept <ids>', 'take the new price of these models, or of all', collect)
    .option(
      '--endpoints <ids>',
      'also fetch what each endpoint of these models charges; none stops it',
      collect,
    );
}

type Add = (name: string, example: string, load: () => Promise<Handler>) => Command;

function definePolicy(add: Add): void {
  add('policy', 'agentguard policy check policy.json', async () => {
    const { runPolicy } = await import('./commands/policy.js');
    return runPolicy;
  })
    .description('check a policy file, explain what it says to a call, or sign it as its owner')
    .argument('[action]', 'check, explain, sign')
    .argument('[file]', 'a policy as JSON or YAML')
    .option('--key <file>', "sign: the owner's key")
    .option('--new-key <file>', "sign: make an owner's key, and sign with it when a policy is named")
    .option('--owner <name>', 'sign: what receipts call the owner')
    .option('--model <id>', 'explain: the model that is asked')
    .option('--input-tokens <n>', 'explain: the most input tokens (default: 1000)')
    .option('--max-output-tokens <n>', "explain: the most output tokens (default: the policy's)")
    .option('--capability <name>', 'explain: what the call claims')
    .option('--at <moment>', 'explain: when (default: now)')
    .option('--scope <name>', 'explain: the tenant, with the counters of its ledger')
    .option('--team <id>', 'explain: a label of the call')
    .option('--user <id>', 'explain: a label of the call')
    .option('--agent <id>', 'explain: a label of the call')
    .option('--task <id>', 'explain: a label of the call')
    .option('--session <id>', 'explain: a label of the call')
    .option('--workflow <id>', 'explain: a label of the call')
    .option('--environment <name>', 'explain: a label of the call');
}

function defineControls(add: Add): void {
  const words = (command: Command, scope: string): Command =>
    command
      .option('--scope <name>', scope, collect)
      .option('--by <name>', 'who asks, for the signed row')
      .option('--reason <text>', 'why, for the signed row and for whoever is refused');
  const stop = add('stop', "agentguard stop --reason 'runaway agent'", async () => {
    const { runStop } = await import('./commands/control.js');
    return runStop;
  });
  words(stop, 'only this scope; may be repeated (default: every scope of the home)').description(
    'refuse every further call in all processes, until resume; running calls end as usual',
  );
  const resume = add('resume', 'agentguard resume', async () => {
    const { runResume } = await import('./commands/control.js');
    return runResume;
  });
  words(resume, 'only this scope; may be repeated (default: every scope of the home)').description(
    'let calls be decided again after stop',
  );
  const grant = add('grant', 'agentguard grant --usd 5 --until 2h --user alice', async () => {
    const { runGrant } = await import('./commands/control.js');
    return runGrant;
  });
  words(grant, 'the scope (default: the only one of the home)')
    .description('raise money caps for a while, by a signed row')
    .option('--usd <amount>', 'how much more, in US dollars')
    .option('--until <when>', 'a time from now such as 2h, or a moment (default: 1h)')
    .option('--policy <id>', 'only caps of this policy')
    .option('--cap <index>', 'only the cap at this place of its policy, from 0')
    .option('--team <id>', 'only for calls of this team')
    .option('--user <id>', 'only for calls of this user')
    .option('--agent <id>', 'only for calls of this agent')
    .option('--task <id>', 'only for calls of this task')
    .option('--session <id>', 'only for calls of this session')
    .option('--workflow <id>', 'only for calls of this workflow')
    .option('--environment <name>', 'only for calls of this environment');
}

function defineProofs(add: Add): void {
  add('checkpoint', 'agentguard checkpoint --to /mnt/vault/acme.checkpoint', async () => {
    const { runCheckpoint } = await import('./commands/checkpoint.js');
    return runCheckpoint;
  })
    .description('sign how many rows a ledger has, and bring that to where nobody can change it')
    .option('--scope <name>', 'tenant whose ledger it is (default: the only one of the home)')
    .option('--to <sink>', 'a file, - or exec: and a command; may be repeated (default: -)', collect);
  add('receipt', 'agentguard receipt 3f2c8a91-…  --proof', async () => {
    const { runReceipt } = await import('./commands/receipt.js');
    return (context, options, [id]) => runReceipt(context, options, id);
  })
    .description('print one row as it stands in its ledger')
    .argument('[id]', 'id of the row')
    .option('--proof', 'with the proof that a checkpoint counts it (C2SP tlog-proof)')
    .option('--link', 'as a link to the verify page, with row and proof in the part that no server sees')
    .option('--html', 'as a page that verifies it, in one file that works offline')
    .option('--out <file>', 'where --html writes the page (default: standard output)');
  add('verify-page', 'agentguard verify-page --out verify.html', async () => {
    const { runVerifyPage } = await import('./commands/verify-page.js');
    return runVerifyPage;
  })
    .description('write the page that verifies receipts in a browser, offline, and print its SHA-256')
    .option('--out <path>', 'an .html file, or a folder to host');
  add('snapshot', 'agentguard snapshot --period 2026-10 --out october.html', async () => {
    const { runSnapshot } = await import('./commands/snapshot.js');
    return runSnapshot;
  })
    .description('write the dashboard of a period into one file that opens from disk, offline')
    .option('--period <span>', 'a year, month or day, such as 2026-10')
    .option('--out <file>', 'the file to write or replace')
    .option('--time-zone <name>', 'whose days and months (default: UTC)')
    .option('--scope <name>', 'only the ledger of this scope; may be repeated', collect);
  add('keys', 'agentguard keys rotate --reason yearly', async () => {
    const { runKeys } = await import('./commands/keys.js');
    return (context, options, [action]) => runKeys(context, options, action);
  })
    .description('list the keys of ledgers, give one a new key, or pin one for an auditor')
    .argument('[action]', 'list, rotate or pin (default: list)')
    .option('--scope <name>', 'tenant whose ledger it is')
    .option('--reason <text>', 'why, for the signed row of rotate')
    .option('--trust <file>', 'file that pin adds the key to')
    .option('--name <owner>', 'name of the owner for pin (default: the scope)');
}

function defineReconcile(
  add: (name: string, example: string, load: () => Promise<Handler>) => Command,
): void {
  const example =
    'agentguard reconcile --key-env OPENROUTER_API_KEY --management-key-env OPENROUTER_MANAGEMENT_KEY';
  add('reconcile', example, async () => {
    const { runReconcile } = await import('./commands/reconcile.js');
    return runReconcile;
  })
    .description("hold the ledgers against OpenRouter's own numbers; names spend that did not pass the guard")
    .option('--scope <name>', 'only the ledger of this scope; may be repeated', collect)
    .option('--since <date>', 'first day, UTC (default: 30 days ago)')
    .option('--until <date>', 'last day, UTC (default: today)')
    .option('--key-env <name>', 'variable that holds the key (default: the key is read from standard input)')
    .option('--management-key-env <name>', 'variable that holds a management key, for the whole account')
    .option('--url <base>', 'base address of the interface, instead of OpenRouter')
    .option('--timeout <seconds>', 'for all questions together (default: 60)');
}

function defineVerify(add: (name: string, example: string, load: () => Promise<Handler>) => Command): void {
  add('verify', 'agentguard verify --trace latest', async () => {
    const { runVerify } = await import('./commands/verify.js');
    return runVerify;
  })
    .description('prove ledgers: who signed, nothing changed, removed or reordered inside')
    .argument('[path...]', 'ledgers, receipts or lists of receipts; - is standard input (default: the home)')
    .option(
      '--trace <selector>',
      'latest, or a scope, signer fingerprint, decision, session, task or workflow id',
    )
    .option('--public-key <hex>', 'every row must be signed with this key; may be repeated', collect)
    .option('--trust <file>', 'JSON file of keys whose owners are known')
    .option('--policy <file>', 'this policy must have governed every decision; may be repeated', collect)
    .option('--checkpoint <file>', 'the ledger must extend this checkpoint; may be repeated', collect)
    .option('--require <verdicts>', 'verdicts that must be "yes", such as authentic,contiguous')
    .option(
      '--quick',
      'all hashes and links, but of each signer only the last signature, and no decision again',
    )
    .option('--follow', 'go on with each row that is appended, until Ctrl-C or the first error');
}

function bindOutput({ stdout, stderr }: CliIo) {
  return {
    writeOut: (text: string) => stdout.write(text),
    writeErr: (text: string) => stderr.write(text),
    // Errors are thrown and printed by `run`, in one form with all others.
    outputError: () => {},
    getOutHelpWidth: () => (stdout.isTerminal ? Math.max(60, stdout.columns) : 80),
    getErrHelpWidth: () => (stderr.isTerminal ? Math.max(60, stderr.columns) : 80),
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  };
}

function collect(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), value];
}
