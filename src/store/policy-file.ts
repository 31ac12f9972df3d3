/** Reads a policy from a JSON file, strictly: what two readers could read differently is refused (docs/policy.md). */
import { readFileSync } from 'node:fs';
import { AgentGuardError } from '../core/errors.js';
import type { Json } from '../core/json.js';
import { readJsonLine } from '../core/row-reader.js';

/**
 * The JSON value in a file. Synchronous, because guards are made synchronously. It is not checked as a policy yet.
 *
 * @throws AgentGuardError POLICY_INVALID when the file cannot be read or is not one JSON value.
 */
export function readPolicyFile(path: string): Json {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw new AgentGuardError(
      'POLICY_INVALID',
      `the policy file ${JSON.stringify(path)} cannot be read: ${why}`,
      {
        hint: 'give the path of a JSON file; a relative one is looked for in the working directory',
        cause,
      },
    );
  }
  const reading = readJsonLine(bytes);
  if (reading.ok) return reading.value;
  const what = reading.message.replaceAll(/\b[Tt]he line\b/g, 'the file');
  throw new AgentGuardError('POLICY_INVALID', `the policy file ${JSON.stringify(path)} is refused: ${what}`, {
    hint: 'docs/policy.md shows policies as JSON',
  });
}
