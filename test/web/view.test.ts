import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GROUPINGS, parseView, printView, RANGES, SCREENS, START } from '../../web/state/view.js';

describe('a view in the address', () => {
  it('comes back as it was', () => {
    const views = fc.record({
      screen: fc.constantFrom(...SCREENS),
      q: fc.string({ unit: 'binary' }),
      receipt: fc.string(),
      by: fc.constantFrom(...GROUPINGS),
      range: fc.constantFrom(...RANGES),
    });
    fc.assert(
      fc.property(views, (view) => {
        expect(parseView(printView(view))).toEqual(wellFormed(view));
      }),
    );
  });

  it('is nothing at the start', () => {
    expect(printView(START)).toBe('');
  });

  it.each(['?view=admin', '?by=__proto__', '?range=9y', '?view=', '?nonsense', ''])(
    '%s means the start',
    (search) => {
      expect(parseView(search)).toEqual(START);
    },
  );
});

/** An address holds no half surrogate pairs. */
function wellFormed<T extends { q: string; receipt: string }>(view: T): T {
  const mend = (text: string): string => text.replace(/\p{Surrogate}/gu, '\ufffd');
  return { ...view, q: mend(view.q), receipt: mend(view.receipt) };
}
