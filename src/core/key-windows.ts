/**
 * What one key alone can show: its own use since midnight UTC, Monday and the first of the month, against all that the
 * ledger has since then. One way only: a key that used more than everybody did not pass the guard; less proves nothing.
 */
import type { Usd } from './money.js';
import { toleranceOf } from './reconciliation.js';
import { type SpendBook, sumRange } from './spend-book.js';
import { parseDay, shiftDay } from './utc-day.js';

/** The windows that OpenRouter keeps per key, all of them UTC. */
export const KEY_WINDOWS = ['daily', 'weekly', 'monthly'] as const;
export type KeyWindow = (typeof KEY_WINDOWS)[number];

/** What the key was charged in a window, and what keys at providers (BYOK) were charged through it. */
export interface KeyUse {
  readonly usageUsd: Usd;
  readonly byokUsd: Usd;
}

export interface ReconciledWindow extends KeyUse {
  readonly window: KeyWindow;
  /** First day, UTC. */
  readonly from: string;
  /** All keys and models together. */
  readonly billedUsd: Usd;
  readonly openCalls: number;
  /** `undefined`: an open call has no bound. */
  readonly openUsd: Usd | undefined;
  /** At least this did not pass the guard; 0 when nothing shows. */
  readonly unguardedUsd: Usd;
}

/** First day of the window that `today` is in: weeks start on Monday. */
export function windowStartDay(window: KeyWindow, today: string): string {
  if (window === 'daily') return today;
  if (window === 'monthly') return `${today.slice(0, 7)}-01`;
  const weekday = new Date(parseDay(today) ?? Number.NaN).getUTCDay();
  return shiftDay(today, -((weekday + 6) % 7));
}

/** Holds one window of a key against the ledger up to today. */
export function reconcileWindow(
  window: KeyWindow,
  use: KeyUse,
  book: SpendBook,
  today: string,
): ReconciledWindow {
  const from = windowStartDay(window, today);
  const { within, before } = sumRange(book, { from, to: today });
  const chargedUsd = use.usageUsd + use.byokUsd;
  const isUnbounded = within.unboundedCalls + before.lateUnboundedCalls > 0;
  // Calls of the day before that ended in this window may count to either.
  const openUsd = within.openUsd + before.lateBilledUsd + before.lateOpenUsd;
  const restUsd = isUnbounded ? 0n : chargedUsd - within.billedUsd - openUsd;
  return {
    ...use,
    window,
    from,
    billedUsd: within.billedUsd,
    openCalls: within.openCalls,
    openUsd: isUnbounded ? undefined : openUsd,
    unguardedUsd: restUsd > toleranceOf(chargedUsd) ? restUsd : 0n,
  };
}
