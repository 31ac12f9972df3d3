/** The errors this product throws: one class, a stable `code` each, and the way out. Documented in docs/errors.md. */

/** Every code an `AgentGuardError` can carry. docs/errors.md explains each; a test holds the two together. */
export const ERROR_CODES = [
  'BLOCKED',
  'CLOCK_BEHIND_LEDGER',
  'HOME_UNSAFE',
  'KEY_MISMATCH',
  'KEY_UNSAFE',
  'LEDGER_CLOSED',
  'LEDGER_CORRUPT',
  'LEDGER_LOCKED',
  'LEDGER_REWRITTEN',
  'LEDGER_UNWRITABLE',
  'PATH_NOT_SUPPORTED',
  'POLICY_INVALID',
  'POLICY_NOT_EFFECTIVE',
  'REQUEST_CHANGED',
  'SCOPE_MISMATCH',
  'SCOPE_NAME_INVALID',
  'UNSUPPORTED_CLIENT',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export interface ErrorDetails {
  /** What to do about it, one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** Something the world did that the caller must hear about. `message` says what and where, `hint` what to do. */
export class AgentGuardError extends Error {
  override readonly name: string = 'AgentGuardError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.code = code;
    this.hint = details.hint;
  }
}
