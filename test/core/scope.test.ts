import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  covers,
  isInside,
  narrower,
  parseScope,
  printScopeKey,
  SCOPE_KEYS,
  type Selector,
} from '../../src/core/scope.js';

const value = fc.oneof(
  fc.constantFrom('a', 'b'),
  fc.string({ minLength: 1, unit: fc.constantFrom('a', '/', '=', '%', '2', 'F', '5', 'D', '3') }),
);
const selector: fc.Arbitrary<Selector> = fc.dictionary(fc.constantFrom(...SCOPE_KEYS), value);

function valuesOf(scope: Selector): readonly (string | undefined)[] {
  return SCOPE_KEYS.map((key) => scope[key]);
}

describe('covers', () => {
  it('a selector covers an actor that has all its values, and others besides', () => {
    expect(covers({ tenantId: 'acme' }, { tenantId: 'acme', userId: 'alice' })).toBe(true);
    expect(covers({}, {})).toBe(true);
  });

  it.each([
    [{ tenantId: 'acme' }, { tenantId: 'Acme' }],
    [{ tenantId: 'acme' }, { tenantId: 'acme ' }],
    [{ tenantId: 'acme' }, {}],
    [{ tenantId: 'acme', teamId: 'x' }, { tenantId: 'acme' }],
    [{ tenantId: '1' }, { tenantId: 1 }],
    [{ tenantId: 'acme' }, { tenantId: ['acme'] }],
    [{ userId: '\u00e9' }, { userId: 'e\u0301' }],
  ])('%j does not cover %j', (narrow, actor) => {
    expect(covers(narrow, actor)).toBe(false);
  });

  it('an undefined value names nothing', () => {
    expect(covers({ tenantId: 'acme', teamId: undefined } as object, { tenantId: 'acme' })).toBe(true);
  });

  it('covers itself, and whoever covers a selector covers all that it covers', () => {
    fc.assert(
      fc.property(selector, selector, selector, (a, b, c) => {
        expect(covers(a, a)).toBe(true);
        if (covers(a, b) && covers(b, c)) expect(covers(a, c)).toBe(true);
      }),
    );
  });

  it('fails when any one named value differs', () => {
    fc.assert(
      fc.property(selector, fc.nat(), (scope, pick) => {
        const keys = SCOPE_KEYS.filter((key) => scope[key] !== undefined);
        fc.pre(keys.length > 0);
        const key = keys[pick % keys.length]!;
        expect(covers(scope, { ...scope, [key]: `${scope[key]}x` })).toBe(false);
        expect(covers(scope, { ...scope, [key]: undefined })).toBe(false);
      }),
    );
  });
});

describe('isInside', () => {
  it('a call of another team lies outside', () => {
    const policy = { tenantId: 'acme', teamId: 'engineering' };
    expect(isInside({ tenantId: 'acme', teamId: 'engineering', userId: 'alice' }, policy)).toBe(true);
    expect(isInside({ tenantId: 'acme', teamId: 'sales' }, policy)).toBe(false);
    expect(isInside({ tenantId: 'acme' }, policy)).toBe(false);
    expect(isInside({ tenantId: 'other', teamId: 'engineering' }, policy)).toBe(false);
  });
});

describe('printScopeKey', () => {
  it('prints widest key first whatever the order of writing', () => {
    expect(printScopeKey({ teamId: 'engineering', tenantId: 'acme' })).toBe(
      'tenantId=acme/teamId=engineering',
    );
    expect(printScopeKey({})).toBe('');
  });

  it('a value cannot forge another key', () => {
    expect(printScopeKey({ tenantId: 'acme/teamId=x' })).toBe('tenantId=acme%2FteamId%3Dx');
    expect(printScopeKey({ tenantId: 'acme%2F' })).toBe('tenantId=acme%252F');
  });

  it('two selectors print alike exactly when they name the same values', () => {
    fc.assert(
      fc.property(selector, selector, (a, b) => {
        const same = JSON.stringify(valuesOf(a)) === JSON.stringify(valuesOf(b));
        expect(printScopeKey(a) === printScopeKey(b)).toBe(same);
      }),
      { numRuns: 1_000 },
    );
  });

  it('splits back into its values', () => {
    fc.assert(
      fc.property(selector, (scope) => {
        const printed = printScopeKey(scope);
        const parts = printed === '' ? [] : printed.split('/').map((part) => part.split('='));
        const back = Object.fromEntries(parts.map(([key, text]) => [key, decodeURIComponent(text!)]));
        expect(valuesOf(back)).toEqual(valuesOf(scope));
      }),
    );
  });
});

describe('narrower', () => {
  it('names every key on which selector and scope contradict each other', () => {
    const scope = { tenantId: 'acme', teamId: 'engineering', userId: 'alice' };
    expect(narrower(scope, { tenantId: 'acme', userId: 'bob', teamId: 'sales', agentId: 'x' })).toEqual({
      ok: false,
      conflicts: ['teamId', 'userId'],
    });
  });

  it('covers exactly the actors that scope and selector both cover', () => {
    fc.assert(
      fc.property(selector, selector, selector, (scope, narrow, actor) => {
        const both = covers(scope, actor) && covers(narrow, actor);
        const narrowing = narrower(scope, narrow);
        expect(narrowing.ok ? covers(narrowing.match, actor) : false).toBe(both);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('parseScope', () => {
  it('keeps the values and drops undefined', () => {
    const reading = parseScope({ tenantId: 'acme', teamId: undefined, userId: 'Älice 🙂' });
    expect(reading).toEqual({ ok: true, scope: { tenantId: 'acme', userId: 'Älice 🙂' } });
  });

  it('takes a label of 256 characters', () => {
    expect(parseScope({ tenantId: 'a'.repeat(256) }).ok).toBe(true);
  });

  it.each([
    [undefined, 'scope', 'is missing'],
    [null, 'scope', 'must be an object, found null'],
    ['acme', 'scope', 'must be an object, found "acme"'],
    [['acme'], 'scope', 'must be an object, found an array'],
    [{}, 'scope.tenantId', 'is missing'],
    [{ teamId: 'x' }, 'scope.tenantId', 'is missing'],
    [{ tenantId: '' }, 'scope.tenantId', 'must not be empty'],
    [{ tenantId: ' \t' }, 'scope.tenantId', 'must not be empty'],
    [{ tenantId: 7 }, 'scope.tenantId', 'must be text, found the number 7'],
    [{ tenantId: null }, 'scope.tenantId', 'must be text, found null'],
    [{ tenantId: 'a'.repeat(257) }, 'scope.tenantId', 'must not be longer than 256 characters, has 257'],
    [
      { tenantId: 'a\u001b[2K' },
      'scope.tenantId',
      'must not contain control characters, found "a\\u001b[2K"',
    ],
    [{ tenantId: 'a\u0085b' }, 'scope.tenantId', 'must not contain control characters, found "a\u0085b"'],
    [{ tenantId: 'a', teamID: 'x' }, 'scope.teamID', 'is not a known key; did you mean "teamId"?'],
    [{ tenantId: 'a', user: 'x' }, 'scope.user', 'is not a known key; did you mean "userId"?'],
    [{ tenantId: 'a', region: 'x' }, 'scope.region', 'is not a known key'],
  ])('%j is refused', (input, path, message) => {
    expect(parseScope(input)).toEqual({ ok: false, problems: [{ path, message }] });
  });

  it('a __proto__ key is refused and gives no tenant', () => {
    const reading = parseScope(JSON.parse('{"__proto__": {"tenantId": "acme"}}'));
    expect(reading.ok).toBe(false);
    expect(reading).toMatchObject({ problems: [{ path: 'scope.__proto__' }, { path: 'scope.tenantId' }] });
  });

  it('never throws, and what it accepts has a tenant and only known keys', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), selector), (input) => {
        const reading = parseScope(input, 'actor');
        if (!reading.ok) expect(reading.problems.length).toBeGreaterThan(0);
        else {
          expect(reading.scope.tenantId).not.toBe('');
          expect(SCOPE_KEYS).toEqual(expect.arrayContaining(Object.keys(reading.scope)));
        }
      }),
    );
  });
});
