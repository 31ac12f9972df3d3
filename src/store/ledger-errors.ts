/** What is said when a ledger cannot be written, or is not what it was. */
import { AgentGuardError } from '../core/errors.js';
import { codeOf } from './paths.js';

/** @param what such as "is gone". */
export function rewritten(path: string, what: string): AgentGuardError {
  return new AgentGuardError(
    'LEDGER_REWRITTEN',
    `The ledger ${path} ${what}: it was changed behind the guard’s back.`,
    {
      hint: 'Restore the file and start the process again; agentguard doctor tells more. If it is meant to be as it is, agentguard doctor --acknowledge <scope> says so for good.',
    },
  );
}

/** @param what such as "is damaged after row 3: …". */
export function corrupt(path: string, what: string): AgentGuardError {
  return new AgentGuardError('LEDGER_CORRUPT', `${path} ${what}`, {
    hint: 'Nothing is written to it until it is restored. Run: agentguard verify',
  });
}

/** For a write, cut or recovery that failed with `cause`. */
export function unwritable(path: string, cause: unknown): AgentGuardError {
  const why = codeOf(cause) === 'unknown' && cause instanceof Error ? cause.message : codeOf(cause);
  return new AgentGuardError(
    'LEDGER_UNWRITABLE',
    `Nothing could be written to the ledger ${path} (${why}).`,
    {
      cause,
      hint: 'Check that the disk is not full and that this user may write there.',
    },
  );
}
