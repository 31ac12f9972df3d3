/**
 * One ledger of the index: reads it from its end backwards, follows what is appended, and knows the condition of its
 * files. Whatever it finds there is shown as what it is.
 */
import * as fs from 'node:fs/promises';
import type { LedgerBrief, LedgerCondition } from '../core/dashboard.js';
import type { Line } from '../store/lines.js';
import { codeOf, type ScopePaths } from '../store/paths.js';
import { followLedger } from '../store/tail.js';
import type { PlacedLine } from './back-reader.js';
import type { LedgerCalls, OldCall } from './ledger-calls.js';
import { createFacts } from './ledger-facts.js';
import { type LedgerFiles, nameOfPart, readOldLines } from './ledger-files.js';
import { createPacer } from './pacer.js';
import { type RowLine, readRowLine } from './row-line.js';

/** What a source tells while it reads. */
export interface SourceListener {
  /** A call that a new line began or changed. */
  onCall(position: number): void;
  /** Its condition or size changed. */
  onChange(source: LedgerSource): void;
  /** What was read is no longer what is there: everything must be read anew. */
  onBroken(source: LedgerSource, condition: 'shrunk' | 'replaced', note: string): void;
}

export class LedgerSource {
  readonly paths: ScopePaths;
  readonly facts = createFacts();
  readonly #files: LedgerFiles;
  readonly #calls: LedgerCalls;
  readonly #listener: SourceListener;
  #condition: LedgerCondition = 'ok';
  #note: string | null = null;
  /** Number of the newest part, where the next new line begins in it, and which file it is. */
  #part: number;
  #endOffset: number;
  #ino: number | undefined;
  #oldBytesDone = 0;
  #newBytes = 0;
  #badLines = 0;
  #tailBytes = 0;
  /** Following ended by a fault: it may be mended. */
  #isLost = false;
  #taps: ((row: RowLine) => void)[] = [];

  constructor(paths: ScopePaths, files: LedgerFiles, calls: LedgerCalls, listener: SourceListener) {
    this.paths = paths;
    this.#files = files;
    this.#calls = calls;
    this.#listener = listener;
    this.#part = files.newest?.part ?? files.full.length;
    this.#endOffset = files.newest?.endOffset ?? 0;
    this.#ino = files.newest?.identity.ino;
    if (files.gapBefore !== undefined) {
      this.#condition = 'unreadable';
      this.#note = `The part before ${files.gapBefore} is missing.`;
    }
  }

  get part(): number {
    return this.#part;
  }

  /** Number of the oldest part that is there. */
  get firstPart(): number {
    return this.#files.full[0] ?? this.#part;
  }

  get doneBytes(): number {
    return this.#oldBytesDone + this.#newBytes;
  }

  get totalBytes(): number {
    return this.#files.sizeBytes + this.#newBytes;
  }

  describe(): LedgerBrief {
    const isEmpty = this.#condition === 'ok' && this.totalBytes === 0;
    const { rows, ledgerId, lastMs } = this.facts;
    return {
      scope: this.paths.scope,
      ledgerId,
      rows,
      bytes: this.totalBytes,
      condition: isEmpty ? 'empty' : this.#condition,
      note: isEmpty ? 'It has no row yet.' : this.#note,
      lastTimestampMs: lastMs,
    };
  }

  /** Where the next new line will begin. */
  get end(): { readonly part: number; readonly offset: number } {
    return { part: this.#part, offset: this.#endOffset };
  }

  /** Gives each new row to a listener. */
  tap(listener: (row: RowLine) => void): void {
    this.#taps.push(listener);
  }

  /** Keeps a condition of before, for whoever did not see it happen. */
  remember(condition: LedgerCondition, note: string): void {
    if (this.#condition === 'ok') this.#setCondition(condition, note);
  }

  /** The old calls in runs, newest first, each once. Ends when the first row was read, or no more can be read. */
  async *readOld(): AsyncGenerator<readonly OldCall[]> {
    const pace = createPacer();
    try {
      for await (const { part, lines } of readOldLines(this.#files, this.paths.folder)) {
        const calls: OldCall[] = [];
        for (const line of lines) {
          const call = this.#readOldLine(line, part);
          if (call) calls.push(call);
        }
        yield calls;
        await pace();
      }
      this.facts.complete();
    } catch (cause) {
      // The other ledgers go on; what was read of this one stays.
      this.#setCondition('unreadable', `Its older rows cannot be read (${codeOf(cause)}).`);
    } finally {
      this.#oldBytesDone = this.#files.sizeBytes;
      await this.#files.newest?.file.close();
    }
  }

  /** Leaves the old rows unread: there are none, or another reading is about to read them. */
  async leaveOld(): Promise<void> {
    if (this.#files.sizeBytes === 0) this.facts.complete();
    await this.#files.newest?.file.close();
  }

  /** Puts an old call below all others in the table. */
  place(call: OldCall): void {
    this.#calls.place(call);
  }

  /** Follows what is appended until the signal, or until the file is no longer the one that was read. */
  async follow(signal: AbortSignal): Promise<void> {
    const { newest } = this.#files;
    const from = newest ? { fromOffset: newest.endOffset, file: newest.identity } : {};
    try {
      let isAgain = await this.#followFrom(from, signal);
      while (isAgain && !signal.aborted)
        isAgain = await this.#followFrom({ fromOffset: this.#endOffset }, signal);
    } catch (cause) {
      this.#isLost = true;
      this.#setCondition('unreadable', `It cannot be read (${codeOf(cause)}).`);
    }
  }

  /** Looks whether the last line is an incomplete one, and whether a file that was gone is back. */
  async inspect(): Promise<void> {
    const stats = await fs.lstat(this.paths.ledger).catch(() => undefined);
    const isGone = this.#condition === 'gone' || this.#isLost;
    if (isGone && stats && (await isReadable(this.paths.ledger)))
      this.#listener.onBroken(
        this,
        'replaced',
        'It could not be read for a while; what is there was read anew.',
      );
    if (isGone || !stats) return;
    const tail = Math.max(0, stats.size - this.#endOffset);
    // Seen twice alike: not a row that is just being written.
    if (tail > 0 && tail === this.#tailBytes && this.#condition === 'ok')
      this.#setCondition('torn', `Its last line is not complete: ${tail} bytes, as a crash leaves them.`);
    else if (tail === 0 && this.#condition === 'torn') this.#setCondition('ok', null);
    this.#tailBytes = tail;
  }

  /** Says whether following goes on in the same file. */
  async #followFrom(
    from: { readonly fromOffset?: number; readonly file?: { readonly ino: number; readonly dev: number } },
    signal: AbortSignal,
  ): Promise<boolean> {
    for await (const event of followLedger(this.paths.ledger, { ...from, signal })) {
      if (event.kind === 'rotated') {
        this.#part++;
        this.#endOffset = 0;
        this.#ino = undefined;
      } else if (event.kind === 'lines') await this.#addLines(event.lines);
      else return this.#judgeEnd(event.kind);
    }
    return false;
  }

  async #addLines(lines: readonly Line[]): Promise<void> {
    const pace = createPacer();
    for (const { bytes, endOffset } of lines) {
      const offset = this.#endOffset;
      const length = endOffset - offset;
      const place = this.facts.countLine('new');
      this.#endOffset = endOffset;
      this.#newBytes += length;
      const row = readRowLine(bytes);
      if (row) this.facts.noteRow(row, place);
      else this.#noteBadLine(this.#part, offset);
      if (row) for (const tap of this.#taps) tap(row);
      const position = row && this.#calls.addNew(row, { place, part: this.#part, offset, length });
      if (position !== undefined) this.#listener.onCall(position);
      await pace();
    }
    if (this.#condition === 'torn') this.#setCondition('ok', null);
    else this.#listener.onChange(this);
  }

  /** What it means that following ended; says whether it may go on where it was. */
  async #judgeEnd(kind: 'shrunk' | 'replaced' | 'gone'): Promise<boolean> {
    const stats = await fs.lstat(this.paths.ledger).catch(() => undefined);
    if (kind === 'gone' || !stats) {
      this.#setCondition('gone', 'Its file is no longer there; what is shown was read before.');
      return false;
    }
    // Only an incomplete last line was cut off, as guards do after a crash: no row is lost.
    const isSame = this.#ino === undefined || this.#ino === stats.ino;
    if (kind === 'shrunk' && isSame && stats.size >= this.#endOffset) return true;
    const note =
      kind === 'shrunk'
        ? `It became shorter while it was watched: from ${this.#endOffset} to ${stats.size} bytes.`
        : 'Its file was replaced by another one while it was watched.';
    this.#setCondition(kind, note);
    this.#listener.onBroken(this, kind, note);
    return false;
  }

  #readOldLine({ bytes, offset, length }: PlacedLine, part: number): OldCall | undefined {
    const place = this.facts.countLine('old');
    const row = readRowLine(bytes);
    this.#oldBytesDone += length;
    if (!row) {
      this.#noteBadLine(part, offset);
      return undefined;
    }
    this.facts.noteRow(row, place);
    return this.#calls.addOld(row, { place, part, offset, length });
  }

  #noteBadLine(part: number, offset: number): void {
    this.#badLines++;
    // Not a thousand notices for a thousand lines.
    if ((this.#badLines & (this.#badLines - 1)) !== 0) return;
    const more = this.#badLines > 1 ? `, and at least ${this.#badLines - 1} more` : '';
    const name = nameOfPart(part, this.#part);
    this.#setCondition('unreadable', `A line is no row: ${name}, byte ${offset}${more}.`);
  }

  #setCondition(condition: LedgerCondition, note: string | null): void {
    this.#condition = condition;
    this.#note = note;
    this.#listener.onChange(this);
  }
}

async function isReadable(path: string): Promise<boolean> {
  return fs.access(path, fs.constants.R_OK).then(
    () => true,
    () => false,
  );
}
