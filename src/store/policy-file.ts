/** Reads a policy from a file, strictly: what two readers could read differently is refused (docs/policy.md). */
import { readFileSync } from 'node:fs';
import { decodeUtf8 } from '../core/bytes.js';
import { AgentGuardError } from '../core/errors.js';
import type { FieldProblem } from '../core/fields.js';
import type { Json } from '../core/json.js';
import { MAX_LINE_BYTES, readJsonLine } from '../core/row-reader.js';
import { readYaml } from './yaml-reader.js';

/** What a policy file holds, not yet checked as a policy; or everything that keeps it from being read. */
export type PolicyText =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };

/**
 * The value in a policy file. Synchronous, because guards are made synchronously. It is not checked as a policy yet.
 *
 * @throws AgentGuardError POLICY_INVALID when the file cannot be read or does not hold one JSON or YAML value.
 */
export function readPolicyFile(path: string): Json {
  const text = parsePolicyText(path, readPolicyBytes(path));
  if (text.ok) return text.value;
  const what = text.problems.map((problem) => `${problem.path} ${problem.message}`.trim()).join('; ');
  throw new AgentGuardError('POLICY_INVALID', `the policy file ${JSON.stringify(path)} is refused: ${what}`, {
    hint: 'docs/policy.md shows policies as JSON and as YAML',
  });
}

/** The bytes of a policy file. @throws AgentGuardError POLICY_INVALID when it cannot be read. */
export function readPolicyBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? 'unknown reason';
    const message = `the policy file ${JSON.stringify(path)} cannot be read: ${why}`;
    const hint =
      'give the path of a JSON or YAML file; a relative one is looked for in the working directory';
    throw new AgentGuardError('POLICY_INVALID', message, { hint, cause });
  }
}

/** The file that a policy's signature lies in. */
export function locateSignature(path: string): string {
  return `${path}.sig`;
}

/**
 * The bytes of the signature beside a policy file; `undefined` when there is none.
 *
 * @throws AgentGuardError POLICY_SIGNATURE_INVALID when there is something that cannot be read.
 */
export function readSignatureBytes(path: string): Uint8Array | undefined {
  try {
    return readFileSync(locateSignature(path));
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? 'unknown reason';
    if (why === 'ENOENT') return undefined;
    const message = `the signature ${JSON.stringify(locateSignature(path))} cannot be read: ${why}`;
    throw new AgentGuardError('POLICY_SIGNATURE_INVALID', message, { cause });
  }
}

/** Reads the bytes of a policy file: as YAML where its name ends in `.yaml` or `.yml`, else as JSON. */
export function parsePolicyText(path: string, bytes: Uint8Array): PolicyText {
  if (/\.ya?ml$/i.test(path)) return parseYaml(bytes);
  const reading = readJsonLine(bytes);
  if (reading.ok) return { ok: true, value: reading.value };
  return refuse(reading.message.replaceAll(/\b[Tt]he line\b/g, 'the file'));
}

function parseYaml(bytes: Uint8Array): PolicyText {
  if (bytes.length > MAX_LINE_BYTES)
    return refuse(`the file has ${bytes.length} bytes; at most ${MAX_LINE_BYTES} are read.`);
  const text = decodeUtf8(bytes);
  return text === undefined ? refuse('the file is not UTF-8 text.') : readYaml(text);
}

function refuse(message: string): PolicyText {
  return { ok: false, problems: [{ path: '', message }] };
}
