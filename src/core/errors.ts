/** The errors this product throws: one class, a stable `code` each, and the way out. Documented in docs/errors.md. */

/** Every code an `AgentGuardError` can carry. docs/errors.md explains each; a test holds the two together. */
export const ERROR_CODES = [
  'CLOCK_BEHIND_LEDGER',
  'CONFIG_INVALID',
  'HOME_UNSAFE',
  'KEY_MISMATCH',
  'KEY_RETIRED',
  'KEY_UNSAFE',
  'LEDGER_CLOSED',
  'LEDGER_CORRUPT',
  'LEDGER_LOCKED',
  'LEDGER_REWRITTEN',
  'LEDGER_UNWRITABLE',
  'NETWORK_FAILED',
  'OVERRIDES_LOCKED',
  'POLICY_INVALID',
  'POLICY_NOT_EFFECTIVE',
  'POLICY_SIGNATURE_INVALID',
  'POLICY_UNSIGNED',
  'PORT_TAKEN',
  'PRICES_LOCKED',
  'PRICES_UNREADABLE',
  'PRICES_UNWRITABLE',
  'REQUEST_CHANGED',
  'SCOPE_MISMATCH',
  'SCOPE_NAME_INVALID',
  'UNSUPPORTED_CLIENT',
  'UPSTREAM_MALFORMED',
  'UPSTREAM_REFUSED',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** Every code of a refused call (`AgentGuardBlockedError`). */
export const REFUSAL_CODES = [
  'cap_exceeded',
  'capability',
  'held',
  'path_not_supported',
  'rule_denied',
  'stale_price',
  'stopped',
  'unbounded',
  'unknown_price',
] as const;

export type RefusalCode = (typeof REFUSAL_CODES)[number];

export interface ErrorDetails {
  /** What to do about it, one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** Marks our errors across copies of this package and across prototypes that a client library needs. */
const BRAND = Symbol.for('agentguard.error');

/** Something the world did that the caller must hear about. `message` says what and where, `hint` what to do. */
export class AgentGuardError extends Error {
  override readonly name: string = 'AgentGuardError';
  readonly code: ErrorCode | RefusalCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode | RefusalCode, message: string, details: ErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.code = code;
    this.hint = details.hint;
    Object.defineProperty(this, BRAND, { value: brandsOf(new.target), enumerable: false });
  }

  /** By brand, so that it also holds when two copies of this package are loaded. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (typeof value !== 'object' || value === null) return false;
    const brands = (value as { readonly [BRAND]?: readonly string[] })[BRAND];
    // biome-ignore lint/complexity/noThisInStatic: each subclass asks for its own brand
    return Array.isArray(brands) && brands.includes(this.brand);
  }

  /** Stable name of the class. */
  static readonly brand: string = 'AgentGuardError';
}

function brandsOf(target: typeof AgentGuardError): string[] {
  return target.brand === 'AgentGuardError' ? ['AgentGuardError'] : ['AgentGuardError', target.brand];
}
