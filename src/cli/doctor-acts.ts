/** What `doctor` does when it is told to: sign acknowledgements, mend what crashes left. */
import { realpath } from 'node:fs/promises';
import { AgentGuardError } from '../core/errors.js';
import { acknowledgeLedger } from '../store/acknowledge.js';
import { listScopes, locateScope } from '../store/paths.js';
import { repairHome, repairScope } from '../store/repair.js';
import { unreadableError } from './cli-error.js';
import { type CommandContext, suggest } from './context.js';
import { fail, fine, type HealthCheck } from './health.js';
import { shorten } from './print.js';

/**
 * Signs, for each scope, what guards refuse to go on with.
 * @throws CliError for a scope that is not there.
 */
export async function acknowledgeScopes(
  context: CommandContext,
  scopes: readonly string[],
  note: string | undefined,
): Promise<readonly HealthCheck[]> {
  const checks: HealthCheck[] = [];
  for (const scope of scopes) {
    const paths = locateScope(context.home, scope);
    if (!(await listScopes(context.home)).some((known) => known.scope === scope))
      throw unreadableError(`there is no scope ${shorten(scope, 40)} in ${context.home}`);
    const name = `${shorten(scope, 40)}: acknowledge`;
    checks.push(
      await guardErrors(name, async () => {
        const nowMs = context.io.now();
        const receipt = await acknowledgeLedger({ home: context.home, scope, nowMs, note });
        if (!receipt) return fine(name, 'nothing here has to be acknowledged: no row was written');
        const place = `row ${String(receipt.decision.ledgerIndex)} of ${paths.ledger}`;
        return fine(name, `signed as ${place} by ${receipt.signerFingerprint}`);
      }),
    );
  }
  return checks;
}

/** Mends home and scopes. What cannot be mended is told by the checks that follow. */
export async function repairAll(context: CommandContext): Promise<readonly HealthCheck[]> {
  const home = await realpath(context.home).catch(() => undefined);
  if (home === undefined) return [];
  const checks = [await guardErrors('repair', async () => describe('repair', await repairHome(home)))];
  for (const paths of await listScopes(home)) {
    const name = `${shorten(paths.scope, 40)}: repair`;
    const repair = async () => describe(name, await repairScope(home, paths, context.io.now()));
    checks.push(await guardErrors(name, repair));
  }
  const done = checks.filter((check) => check.status === 'fail' || check.message !== NOTHING);
  return done.length > 0
    ? done
    : [fine('repair', `${NOTHING}; ${suggest(context, 'verify')} proves the rows`)];
}

const NOTHING = 'nothing to mend';

function describe(name: string, mended: readonly string[]): HealthCheck {
  return fine(name, mended.length === 0 ? NOTHING : mended.join('; '));
}

async function guardErrors(name: string, act: () => Promise<HealthCheck>): Promise<HealthCheck> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof AgentGuardError)) throw error;
    return fail(name, error.message.replace(/\.$/, ''), error.hint);
  }
}
