/** Reads the ledgers that are meant and holds their sums against the account's own numbers. Proves no row. */
import { createCallFold } from '../core/calls.js';
import {
  KEY_WINDOWS,
  type KeyWindow,
  type ReconciledWindow,
  reconcileWindow,
  windowStartDay,
} from '../core/key-windows.js';
import { createModelNamer } from '../core/model-namer.js';
import { createPredictionBook, type Prediction } from '../core/prediction.js';
import { type ReconciledLine, reconcile } from '../core/reconciliation.js';
import { createSpendBook, type DayRange } from '../core/spend-book.js';
import { dayOf, parseDay, shiftDay } from '../core/utc-day.js';
import { ACTIVITY_DAYS } from '../openrouter/activity.js';
import type { Credits } from '../openrouter/credits.js';
import { readPriceFile } from '../store/price-file.js';
import { unreadableError, usageError } from './cli-error.js';
import type { CommandContext } from './context.js';
import type { LedgerPlace, Places } from './ledger-places.js';
import { scanRows } from './ledger-scan.js';
import type { Account } from './reconcile-account.js';

/** Days as asked for: UTC, both included. */
export interface RangeSettings {
  readonly since: string | undefined;
  readonly until: string | undefined;
}

/** The days that can be compared. */
export interface ChosenRange extends DayRange {
  readonly today: string;
  /** Earlier days were asked for, which upstream no longer tells about. */
  readonly isCutShort: boolean;
  readonly windows: readonly KeyWindow[];
}

/** What was compared and what came out. */
export interface ReconcileReport {
  /** No unguarded spend was found. What that proves depends on `basis`. */
  readonly ok: boolean;
  /** `account`: all keys, by day and model. `key`: one key against everything in the ledger. */
  readonly basis: 'account' | 'key';
  readonly range: DayRange;
  readonly ledgers: readonly string[];
  /** Lines of these ledgers that are no receipts. */
  readonly unreadableLines: number;
  readonly lines: readonly ReconciledLine[];
  readonly windows: readonly ReconciledWindow[];
  readonly credits: Credits | undefined;
  readonly predictions: readonly Prediction[];
  /** Earlier days were asked for, which upstream no longer tells about. */
  readonly isCutShort: boolean;
  /** The running day is in the activity only once it is over. */
  readonly today: string;
}

interface Comparison {
  readonly account: Account;
  readonly places: readonly LedgerPlace[];
  readonly range: ChosenRange;
  readonly url: URL;
}

/**
 * The ledgers of the scopes that were named, or all. A ledger that cannot be read stops the command: its calls would
 * look unguarded.
 *
 * @throws CliError
 */
export function selectLedgers(
  { home }: CommandContext,
  { places, faults }: Places,
  scopes: unknown,
): readonly LedgerPlace[] {
  const [fault] = faults;
  if (fault) throw unreadableError(`${fault.path} ${fault.message}`);
  if (!Array.isArray(scopes)) return places;
  const missing = scopes.find((scope) => !places.some((place) => place.scope === scope));
  if (missing !== undefined)
    throw unreadableError(
      `there is no ledger of the scope ${JSON.stringify(missing)} in ${home}`,
      `there is ${places.map((place) => place.scope).join(', ')}`,
    );
  return places.filter((place) => scopes.includes(place.scope));
}

/** Reads every ledger once and compares. @throws AgentGuardError PRICES_UNREADABLE */
export async function compareAccount(
  context: CommandContext,
  { account, places, range, url }: Comparison,
): Promise<ReconcileReport> {
  const { io, home } = context;
  const { today } = range;
  const nameOf = createModelNamer(account.activity ?? [], (await readPriceFile(home))?.table);
  const book = createSpendBook(nameOf);
  const predictions = createPredictionBook(nameOf);
  const windows = account.key ? range.windows : [];
  const firstDay = [range.from, ...windows.map((window) => windowStartDay(window, today))].sort()[0];
  let unreadableLines = 0;
  for (const { path } of places) {
    const fold = createCallFold(
      (call) => {
        if (call.provider !== 'openrouter' && call.provider !== url.hostname) return;
        book.add(call);
        const day = dayOf(call.decidedMs);
        if (day >= range.from && day <= range.to) predictions.add(call);
      },
      parseDay(shiftDay(firstDay ?? range.from, -1)) ?? 0,
    );
    let last = 0;
    for await (const { line, receipt, timestampMs } of scanRows(path, [], io.signal)) {
      unreadableLines += line - last - 1;
      last = line;
      fold.apply(receipt, timestampMs);
    }
    fold.finish();
  }
  const { activity, key } = account;
  const lines = activity ? reconcile(activity, book, nameOf, range) : [];
  const reconciledWindows = key
    ? windows.map((window) => reconcileWindow(window, key.windows[window], book, today))
    : [];
  return {
    ok:
      lines.every(({ status }) => status !== 'unguarded') &&
      reconciledWindows.every(({ unguardedUsd }) => unguardedUsd === 0n),
    basis: activity ? 'account' : 'key',
    range: { from: range.from, to: range.to },
    isCutShort: range.isCutShort,
    ledgers: places.map((place) => place.path),
    unreadableLines,
    lines,
    windows: reconciledWindows,
    credits: account.credits,
    predictions: predictions.list(),
    today,
  };
}

/**
 * As much of what was asked for as upstream still knows. Windows of a key end now: only those that lie wholly in it.
 *
 * @throws CliError when that is nothing
 */
export function chooseRange({ since, until }: RangeSettings, nowMs: number): ChosenRange {
  const today = dayOf(nowMs);
  const first = shiftDay(today, -ACTIVITY_DAYS);
  const to = until === undefined || until > today ? today : until;
  if (to < first)
    throw usageError(`--until ${to} is too long ago: OpenRouter tells about the last ${ACTIVITY_DAYS} days`);
  if (since !== undefined && since > to) throw usageError(`--since ${since} is after ${to}, the last day`);
  const from = since === undefined || since < first ? first : since;
  const windows =
    to < today
      ? []
      : KEY_WINDOWS.filter((window) => since === undefined || windowStartDay(window, today) >= since);
  return { from, to, today, windows, isCutShort: since !== undefined && since < first };
}
