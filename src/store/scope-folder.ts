/**
 * Scope names as folder names, one to one (docs/receipt-format.md, threat model "path tricks"). The folder name is
 * safe on every file system: `[a-z0-9_-]` stays, every other UTF-8 byte becomes `%xx` in lower-case hex.
 */
import { AgentGuardError } from '../core/errors.js';

/** Longest folder name written, in bytes: file systems stop at 255, and some layers add to it. */
const MAX_FOLDER_BYTES = 200;

const PLAIN = /^[a-z0-9_-]$/;
/** Device names that Windows and some network layers refuse whatever follows them. */
const DEVICES = /^(?:con|prn|aux|nul|clock|com[0-9]|lpt[0-9])$/;
/** Names that the home keeps for itself, now or later. */
const OWN = /^(?:lock|home|scopes|config|pricing|serve|trust|instances|tmp)$/;
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * The folder name of a scope; `acme` is `acme`, `Acme/EU` is `%41cme%2f%45%55`.
 *
 * @throws AgentGuardError SCOPE_NAME_INVALID for an empty name, control characters, lone surrogates, or a name whose
 *   folder would be longer than 200 bytes.
 */
export function encodeScopeName(scope: string): string {
  if (typeof scope !== 'string' || scope.length === 0) throw invalid('A scope name must be a non-empty text');
  if (CONTROL.test(scope)) throw invalid('A scope name must not contain control characters');
  if (!isWellFormed(scope)) throw invalid('A scope name must be well-formed Unicode');
  if (scope.length > MAX_FOLDER_BYTES) throw invalid('The scope name is too long');
  const folder = escapeReserved(Array.from(new TextEncoder().encode(scope), encodeByte).join(''));
  if (folder.length > MAX_FOLDER_BYTES)
    throw invalid('The scope name is too long once written as a folder name');
  return folder;
}

/** The scope of a folder name, or `undefined` when no scope is written that way. Inverse of `encodeScopeName`. */
export function decodeScopeName(folder: string): string | undefined {
  if (!/^(?:[a-z0-9_-]|%[0-9a-f]{2})+$/.test(folder)) return undefined;
  const bytes = Buffer.from(
    folder.replace(/%([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
  try {
    const scope = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return encodeScopeName(scope) === folder ? scope : undefined;
  } catch {
    return undefined;
  }
}

function encodeByte(byte: number): string {
  const character = String.fromCharCode(byte);
  return PLAIN.test(character) ? character : `%${byte.toString(16).padStart(2, '0')}`;
}

function escapeReserved(folder: string): string {
  if (!DEVICES.test(folder) && !OWN.test(folder)) return folder;
  return `%${folder.charCodeAt(0).toString(16)}${folder.slice(1)}`;
}

function isWellFormed(text: string): boolean {
  return !/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(text);
}

function invalid(message: string): AgentGuardError {
  return new AgentGuardError('SCOPE_NAME_INVALID', `${message}.`, {
    hint: 'Use a short tenant name such as "acme" or "acme-eu".',
  });
}
