/** What a snapshot of the dashboard holds: the rows of a period as they lie in their ledgers, and what helps to judge them. */

/** Version of the form. */
export const SNAPSHOT_VERSION = 1;

export interface SnapshotData {
  readonly version: typeof SNAPSHOT_VERSION;
  /** Of the package that wrote it. */
  readonly packageVersion: string;
  /** As it was asked for: `2026-10`. */
  readonly period: string;
  readonly sinceMs: number;
  readonly untilMs: number;
  /** When it was made. */
  readonly madeAtMs: number;
  readonly ledgers: readonly SnapshotLedger[];
}

export interface SnapshotLedger {
  readonly scope: string;
  /** Place of the first line in its ledger, from 0. */
  readonly firstRow: number;
  /** Lines of the ledger one after the other, without line feeds. */
  readonly lines: readonly string[];
  /** Texts of policies, by their hash. */
  readonly policies: Readonly<Record<string, string>>;
  /** The newest checkpoint beside the ledger, as its signed note. */
  readonly checkpoint: string | null;
}
