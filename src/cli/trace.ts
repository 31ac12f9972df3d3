/** What `--trace` means: which ledgers, and which of their rows (docs/cli.md, selectors). */
import { isObject } from '../core/json.js';
import { findNearest } from '../core/nearest.js';
import type { Receipt } from '../core/receipt.js';
import { ownValue } from '../core/receipt.js';
import { unreadableError } from './cli-error.js';
import type { LedgerPlace } from './ledger-places.js';
import { type FoundRow, findNewestRow, isNewer, scanRows } from './ledger-scan.js';

/** What a selector chose. */
export interface Trace {
  readonly selector: string;
  /** In words: "the ledger with the newest row, of 2026-10-01T12:00:00.000Z". */
  readonly meaning: string;
  readonly places: readonly LedgerPlace[];
  /** Whether a row is one of those selected; `undefined` where the whole ledger is. */
  readonly selects: ((receipt: Receipt) => boolean) | undefined;
}

const ACTOR_KEYS = ['sessionId', 'taskId', 'workflowId'] as const;
const KINDS = 'latest, a scope, a signer fingerprint, or the id of a decision, session, task or workflow';

/**
 * Resolves a selector among ledgers, of which at least one was found.
 * @throws CliError when nothing matches; the system's error when a file cannot be read.
 */
export async function resolveTrace(
  selector: string,
  places: readonly LedgerPlace[],
  signal: AbortSignal,
): Promise<Trace> {
  if (selector === 'latest') return findLatest(places, signal);
  const scope = places.find((place) => place.scope === selector);
  if (scope) return { selector, meaning: `the scope ${selector}`, places: [scope], selects: undefined };
  const selects = (receipt: Receipt): boolean => isSelected(receipt, selector);
  const matching: LedgerPlace[] = [];
  for (const place of places) {
    for await (const row of scanRows(place.path, [selector], signal)) {
      if (!selects(row.receipt)) continue;
      matching.push(place);
      break;
    }
  }
  if (matching.length === 0) throw nothingMatches(selector, places);
  return { selector, meaning: `rows that name ${selector}`, places: matching, selects };
}

/** Whether a row belongs to a signer, a decision, a session, a task or a workflow of this name. */
export function isSelected(receipt: Receipt, selector: string): boolean {
  const { decision, signerFingerprint, publicKeyHex } = receipt;
  if (signerFingerprint === selector || publicKeyHex === selector) return true;
  if (ownValue(decision, 'decisionId') === selector) return true;
  if (ownValue(decision, 'originalDecisionId') === selector) return true;
  const actor = ownValue(decision, 'actor');
  return isObject(actor) && ACTOR_KEYS.some((key) => ownValue(actor, key) === selector);
}

async function findLatest(places: readonly LedgerPlace[], signal: AbortSignal): Promise<Trace> {
  let newest: { readonly place: LedgerPlace; readonly row: FoundRow } | undefined;
  for (const place of places) {
    const row = await findNewestRow(place.path, signal);
    if (row && isNewer(row, newest?.row)) newest = { place, row };
  }
  if (!newest) throw unreadableError('no ledger here has a row yet');
  const { place, row } = newest;
  const when = Number.isNaN(row.timestampMs) ? 'undated' : `of ${new Date(row.timestampMs).toISOString()}`;
  const meaning = `the ledger with the newest row, ${when}`;
  return { selector: 'latest', meaning, places: [place], selects: undefined };
}

function nothingMatches(selector: string, places: readonly LedgerPlace[]): Error {
  const scopes = places.map((place) => place.scope).filter((scope) => scope !== undefined);
  const [nearest] = findNearest(selector, [...scopes, 'latest']);
  const hint = nearest === undefined ? `--trace takes ${KINDS}` : `did you mean ${nearest}?`;
  return unreadableError(`no row and no scope is named ${JSON.stringify(selector)}`, hint);
}
