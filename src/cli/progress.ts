/** One line on a terminal that tells how far a long reading is; nothing anywhere else. */
import type { CliIo } from './io.js';

export interface Progress {
  /** `bytesRead` of the present file, whose size is `totalBytes` where that is known. */
  update(rows: number, bytesRead: number, totalBytes: number | undefined): void;
  /** Removes the line. */
  clear(): void;
}

/** Short work shows nothing. */
const FIRST_AFTER_MS = 1_000;
const EVERY_MS = 100;
const ERASE_LINE = '\r\u001b[K';

/** A progress line on standard error, if that is a terminal. */
export function createProgress({ stderr, elapsedMs }: CliIo, isQuiet: boolean): Progress {
  const startedMs = elapsedMs();
  let shownMs = startedMs + FIRST_AFTER_MS - EVERY_MS;
  let isShown = false;
  if (!stderr.isTerminal || isQuiet) return { update() {}, clear() {} };
  return {
    update(rows, bytesRead, totalBytes) {
      const nowMs = elapsedMs();
      if (nowMs - shownMs < EVERY_MS) return;
      shownMs = nowMs;
      isShown = true;
      const perSecond = Math.round((rows * 1000) / Math.max(1, nowMs - startedMs));
      const percent = totalBytes ? `${Math.min(100, Math.floor((bytesRead * 100) / totalBytes))}%, ` : '';
      const text = `verifying: ${percent}${printCount(rows)} rows, ${printCount(perSecond)} rows/s`;
      stderr.write(`${ERASE_LINE}${text.slice(0, Math.max(20, stderr.columns - 1))}`);
    },
    clear() {
      if (isShown) stderr.write(ERASE_LINE);
      isShown = false;
    },
  };
}

/** `12,345`. */
export function printCount(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ',');
}
