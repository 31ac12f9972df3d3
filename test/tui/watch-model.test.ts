/** The live view without a terminal: what each key does, what is kept, and that sums stay those of every call. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printUsd } from '../../src/core/money.js';
import { parseQuery } from '../../src/core/query.js';
import { createSummary } from '../../src/core/summary.js';
import {
  createRecordKeeper,
  createWatchState,
  findCursor,
  type Key,
  keyOf,
  listShown,
  MAX_RECORDS,
  pressKey,
  type WatchState,
} from '../../src/tui/watch-model.js';
import { arbitraryRecords, callRecord } from '../helpers/call-records.js';

const records = Array.from({ length: 10 }, (_, row) =>
  callRecord({ row, timestampMs: row * 1000, user: row % 2 ? 'bob' : 'alice' }),
);
const start: WatchState = { ...createWatchState('', 0), records };

/** `enter` and the like are keys, everything else is typed letter by letter. */
function press(state: WatchState, ...keys: readonly string[]): WatchState {
  const names = ['up', 'down', 'pageUp', 'pageDown', 'enter', 'escape', 'backspace'];
  const list = keys.flatMap((key): readonly Key[] =>
    names.includes(key)
      ? [{ input: '', name: key as NonNullable<Key['name']> }]
      : Array.from(key, (input) => ({ input })),
  );
  return list.reduce((now, key) => pressKey(now, key, 4, 0), state);
}

const rowAt = (state: WatchState) => listShown(state)[findCursor(state, listShown(state))]?.row;

describe('the cursor', () => {
  it.each([
    [[], 9],
    [['j'], 8],
    [['down', 'down'], 7],
    [['j', 'j', 'k'], 8],
    [['k', 'up'], 9],
    [['pageDown'], 5],
    [['pageDown', 'pageDown', 'pageDown'], 0],
    [['G'], 0],
    [['G', 'pageUp'], 4],
    [['G', 'g'], 9],
    [['G', 'j'], 0],
  ])('after %j is on row %i', (keys, row) => expect(rowAt(press(start, ...keys))).toBe(row));

  it('stays on its call while others come, and at the newest while it is there', () => {
    const more = [...records, callRecord({ row: 10, timestampMs: 99_000 })];
    expect(rowAt({ ...press(start, 'j'), records: more })).toBe(8);
    expect(rowAt({ ...press(start, 'j', 'k'), records: more })).toBe(10);
  });

  it('goes to the newest when its call is gone', () => {
    expect(rowAt({ ...press(start, 'G'), records: records.slice(5) })).toBe(9);
  });

  it('has nowhere to go in an empty list', () => {
    const empty = press({ ...start, records: [] }, 'j', 'G', 'pageDown', 'k');
    expect(rowAt(empty)).toBeUndefined();
  });
});

describe('the filter', () => {
  it('is used once Enter was pressed', () => {
    const typing = press(start, '/user:bob');
    expect(listShown(typing)).toHaveLength(10);
    const done = press(typing, 'enter');
    expect({ text: done.filterText, draft: done.draft }).toEqual({ text: 'user:bob', draft: undefined });
    expect(listShown(done)).toHaveLength(5);
  });

  it('with a mistake in it is not used, and the mistake is named until something is typed', () => {
    const wrong = press(start, '/usr:bob', 'enter');
    expect(wrong.problem).toMatchObject({ at: 0, hint: 'did you mean user:?' });
    expect({ draft: wrong.draft, shown: listShown(wrong).length }).toEqual({ draft: 'usr:bob', shown: 10 });
    expect(press(wrong, 'backspace').problem).toBeUndefined();
  });

  it('takes letters that are keys elsewhere', () => {
    expect(press(start, '/qpjk?/ g').draft).toBe('qpjk?/ g');
    expect(press(start, '/q').isDone).toBe(false);
  });

  it('is left as it was by Esc, and taken away by Esc outside', () => {
    const done = press(start, '/user:bob', 'enter');
    expect(press(done, '/ user:alice', 'escape').filterText).toBe('user:bob');
    expect(listShown(press(done, 'escape'))).toHaveLength(10);
  });

  it('loses one character at a time, and all of it with Ctrl-U', () => {
    expect(press(start, '/日本', 'backspace').draft).toBe('日');
    expect(press(start, '/', 'backspace').draft).toBe('');
    expect(pressKey(press(start, '/abc'), { input: 'u', isControl: true }, 4, 0).draft).toBe('');
  });

  it('that cannot be read is a mistake of the program at the start', () => {
    expect(() => createWatchState('usr:', 0)).toThrow(RangeError);
  });
});

describe('a key', () => {
  it('pauses the list and lets it go on', () => {
    const paused = press(start, 'p');
    const more = { ...paused, records: [...records, callRecord({ row: 10 })] };
    expect(listShown(more)).toHaveLength(10);
    expect(listShown(press(more, 'p'))).toHaveLength(11);
  });

  it('opens and closes one call', () => {
    expect(press(start, 'enter').isDetail).toBe(true);
    expect(press(start, 'enter', 'enter').isDetail).toBe(false);
    const closed = press(press(start, '/user:bob', 'enter'), 'enter', 'escape');
    expect({ isDetail: closed.isDetail, filter: closed.filterText }).toEqual({
      isDetail: false,
      filter: 'user:bob',
    });
  });

  it('closes the help, whichever it is', () => {
    const help = press(start, '?');
    expect(help.isHelp).toBe(true);
    expect(press(help, 'q')).toMatchObject({ isHelp: false, isDone: false });
  });

  it('quits: q, and Ctrl-C at any time', () => {
    expect(press(start, 'q').isDone).toBe(true);
    for (const state of [start, press(start, '/abc'), press(start, '?'), press(start, 'enter')])
      expect(pressKey(state, { input: 'c', isControl: true }, 4, 0).isDone).toBe(true);
  });

  it('that is none changes nothing', () => {
    for (const input of ['x', '', 'Z', '0']) expect(pressKey(start, { input }, 4, 0)).toEqual(start);
    expect(pressKey(start, { input: 'd', isControl: true }, 4, 0)).toEqual(start);
  });
});

describe('what is kept', () => {
  it('has each call once, as it is now, by time', () => {
    const keeper = createRecordKeeper();
    keeper.put(callRecord({ row: 1, timestampMs: 2000, state: 'held' }), false);
    keeper.put(callRecord({ row: 0, timestampMs: 1000 }), true);
    keeper.put(callRecord({ row: 1, timestampMs: 2000 }), true);
    keeper.put(callRecord({ row: 1, timestampMs: 3000, scope: 'other' }), true);
    expect(keeper.list().map(keyOf)).toEqual(['0 acme', '1 acme', '1 other']);
    expect(keeper.list()[1]!.state).toBe('settled');
    keeper.forget('acme');
    expect(keeper.list().map(keyOf)).toEqual(['1 other']);
    expect(keeper.total().calls).toBe(1);
  });

  it('sums every call once, whatever comes first', () => {
    fc.assert(
      fc.property(
        arbitraryRecords(20),
        fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }),
        (all, opened) => {
          const keeper = createRecordKeeper();
          const summary = createSummary({ by: [] });
          for (const [at, record] of all.entries()) {
            if (opened[at]) keeper.put({ ...record, state: 'held', costUsd: 5n }, false);
            keeper.put(record, record.state !== 'held');
            summary.add(record);
          }
          expect(keeper.total()).toEqual(summary.total);
          const reading = parseQuery('', 0);
          expect(reading.ok && keeper.sum(reading.query)).toEqual(summary.total);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('is bounded, while the sums are not', () => {
    const keeper = createRecordKeeper();
    const many = MAX_RECORDS * 3 + 7;
    for (let row = 0; row < many; row++) keeper.put(callRecord({ row, timestampMs: row }), true);
    expect(keeper.list()).toHaveLength(MAX_RECORDS);
    expect(keeper.list().at(-1)!.row).toBe(many - 1);
    expect([keeper.total().calls, printUsd(keeper.total().settledUsd)]).toEqual([
      many,
      printUsd(BigInt(many) * 10n ** 22n),
    ]);
  });
});
