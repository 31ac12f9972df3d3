/**
 * `agentguard doctor`: what is wrong with the home and how to fix it. Reads only, and works on a home it may not write,
 * unless it is told to mend or to acknowledge.
 */
import { join } from 'node:path';
import { createProber } from '../../store/liveness.js';
import { INSTANCES_FOLDER, listScopes } from '../../store/paths.js';
import { usageError } from '../cli-error.js';
import { type CommandContext, quoteForShell, suggest } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { fail, fine, type HealthCheck, type HealthStatus } from '../health.js';
import { checkHome, checkInstances, checkPrices } from '../home-health.js';
import { readPackageVersion } from '../package-version.js';
import { paint, type Style } from '../print.js';
import { checkScope } from '../scope-health.js';

const STYLES: Readonly<Record<HealthStatus, Style>> = { ok: 'green', warn: 'yellow', fail: 'red' };
const NEEDED_NODE = [20, 19] as const;

export interface DoctorOptions {
  readonly repair?: boolean;
  readonly acknowledge?: readonly string[];
  readonly note?: string;
}

/** Runs `doctor`: 1 when something has to be mended. */
export async function runDoctor(context: CommandContext, options: DoctorOptions = {}): Promise<ExitCode> {
  if (options.note !== undefined && !options.acknowledge) throw usageError('--note goes with --acknowledge');
  const acts = options.acknowledge || options.repair ? await import('../doctor-acts.js') : undefined;
  const checks = [
    checkNode(process.versions.node),
    fine('package', readPackageVersion()),
    ...((await acts?.acknowledgeScopes(context, options.acknowledge ?? [], options.note)) ?? []),
    ...((options.repair && (await acts?.repairAll(context))) || []),
    ...(await examine(context)),
  ];
  const ok = checks.every((check) => check.status !== 'fail');
  if (context.json) context.out.json({ ok, home: context.home, checks });
  else if (!context.quiet || !ok) printChecks(context, checks);
  return ok ? EXIT_CODES.ok : EXIT_CODES.failed;
}

/** Whether a Node.js version is one that this package runs on. */
export function checkNode(version: string): HealthCheck {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [needsMajor, needsMinor] = NEEDED_NODE;
  if (major > needsMajor || (major === needsMajor && minor >= needsMinor)) return fine('node', version);
  return fail('node', `${version} is too old`, `install Node.js ${needsMajor}.${needsMinor} or later`);
}

async function examine(context: CommandContext): Promise<readonly HealthCheck[]> {
  const { io, home } = context;
  const { checks, isThere } = await checkHome(home, suggest(context, 'init'));
  if (!isThere) return checks;
  const prober = createProber(join(home, INSTANCES_FOLDER));
  try {
    const prices = await checkPrices(home, io.now(), suggest(context, 'models --sync-pricing'));
    const all = [...checks, prices, await checkInstances(home, prober)];
    for (const paths of await listScopes(home)) {
      const commands = {
        verify: suggest(context, 'verify'),
        repair: suggest(context, 'doctor --repair'),
        resume: suggest(context, `resume --scope ${quoteForShell(paths.scope)}`),
        acknowledge: suggest(context, `doctor --acknowledge ${quoteForShell(paths.scope)}`),
      };
      all.push(...(await checkScope({ paths, prober, nowMs: io.now(), signal: io.signal, ...commands })));
    }
    return all;
  } finally {
    prober.close();
  }
}

function printChecks({ out, quiet }: CommandContext, checks: readonly HealthCheck[]): void {
  const shown = quiet ? checks.filter((check) => check.status !== 'ok') : checks;
  const width = Math.min(24, Math.max(...shown.map((check) => check.name.length))) + 2;
  for (const { name, status, message, fix } of shown) {
    const label = `${name.padEnd(width)}`;
    out.line([paint(STYLES[status], status.padEnd(4)), '  ', label, message], 6 + width);
    if (fix !== undefined) out.line([' '.repeat(6 + width), paint('cyan', 'fix'), `: ${fix}`], 6 + width);
  }
  const failed = checks.filter((check) => check.status === 'fail').length;
  const warned = checks.filter((check) => check.status === 'warn').length;
  out.blank();
  out.line(`${failed} to mend, ${warned} to know about, ${checks.length - failed - warned} fine.`);
}
