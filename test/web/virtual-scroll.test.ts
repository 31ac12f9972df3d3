import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MAX_HEIGHT,
  moveScroll,
  placeScroll,
  scrollHeightOf,
  topToShow,
} from '../../web/live/virtual-scroll.js';

const small = { rows: 100, rowHeight: 32, height: 640 };
const huge = { rows: 1_000_000, rowHeight: 32, height: 640 };
const MOST = huge.rows * huge.rowHeight - huge.height;
const MOST_BAR = MAX_HEIGHT - huge.height;

describe('a list that fits a browser', () => {
  it('is as high as its rows', () => {
    expect(scrollHeightOf(small)).toBe(3200);
  });

  it('stands where the scroll bar stands', () => {
    expect(moveScroll({ top: 0, scrollTop: 0 }, 1234, small)).toEqual({ top: 1234, scrollTop: 1234 });
  });
});

describe('a list higher than any element may be', () => {
  it('is never higher than every browser draws', () => {
    expect(scrollHeightOf(huge)).toBe(MAX_HEIGHT);
  });

  it('moves by pixels when the wheel turns', () => {
    const place = placeScroll(16_000_000, huge);
    expect(moveScroll(place, place.scrollTop + 100, huge).top).toBe(place.top + 100);
  });

  it('moves by proportion when the bar is dragged', () => {
    const { top } = moveScroll({ top: 0, scrollTop: 0 }, MOST_BAR / 2, huge);
    expect(Math.abs(top - MOST / 2)).toBeLessThan(huge.rowHeight);
  });

  it('ends where the bar ends, whatever small movements added up to', () => {
    expect(moveScroll({ top: 5000, scrollTop: 300 }, 0, huge).top).toBe(0);
    expect(moveScroll({ top: 5000, scrollTop: MOST_BAR - 100 }, MOST_BAR, huge).top).toBe(MOST);
  });

  it('never leaves the list, whatever the bar does', () => {
    const bars = fc.array(fc.integer({ min: -50, max: MAX_HEIGHT + 50 }), { maxLength: 40 });
    fc.assert(
      fc.property(bars, fc.integer({ min: 0, max: 3_000_000 }), (moves, rows) => {
        const extent = { ...huge, rows };
        let place = { top: 0, scrollTop: 0 };
        for (const bar of moves) {
          place = moveScroll(place, bar, extent);
          expect(place.top).toBeGreaterThanOrEqual(0);
          expect(place.top).toBeLessThanOrEqual(Math.max(0, rows * 32 - 640));
        }
      }),
    );
  });

  it('brings every row into sight', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: huge.rows - 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (row, from) => {
          const { top } = placeScroll(topToShow(row, from * MOST, huge), huge);
          expect(top).toBeLessThanOrEqual(row * 32);
          expect(top + huge.height).toBeGreaterThanOrEqual((row + 1) * 32);
        },
      ),
    );
  });

  it('does not move for a row that is in sight', () => {
    expect(topToShow(10, 100, huge)).toBe(100);
  });
});
