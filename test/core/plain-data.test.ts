import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/core/json.js';
import { copyPlainData } from '../../src/core/plain-data.js';

const HALF_PAIR = '\ud83d';

function copy(input: unknown): { data: Json; problems: Record<string, string> } {
  const problems = new Map<string, string>();
  const data = copyPlainData(input, { path: '', name: 'policy' }, problems);
  return { data, problems: Object.fromEntries(problems) };
}

describe('copyPlainData', () => {
  it('equals JSON data and shares nothing with it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const { data, problems } = copy(value);
        expect(problems).toEqual({});
        // JSON has one zero.
        expect(JSON.stringify(data)).toBe(JSON.stringify(value));
        if (typeof value === 'object' && value !== null) expect(data).not.toBe(value);
      }),
    );
  });

  it('takes own enumerable keys of a class instance and leaves its prototype behind', () => {
    class Cap {
      window = 'per_day';
      get amountCents() {
        return 5;
      }
    }
    const instance = Object.defineProperty(new Cap(), 'hidden', { value: 1, enumerable: false });
    const { data } = copy(instance);
    expect(data).toEqual({ window: 'per_day' });
    expect(Object.getPrototypeOf(data)).toBeNull();
  });

  it('reads an own getter once and leaves out undefined and symbols', () => {
    let reads = 0;
    const input = {
      get id() {
        return ++reads;
      },
      none: undefined,
      [Symbol('tag')]: 1,
    };
    expect(copy(input).data).toEqual({ id: 1 });
    expect(reads).toBe(1);
  });

  it('a __proto__ key is data and changes no prototype', () => {
    const { data, problems } = copy(JSON.parse('{"__proto__": {"tenantId": "acme"}}'));
    expect(problems).toEqual({});
    expect(Object.keys(data as object)).toEqual(['__proto__']);
    expect((data as { tenantId?: unknown }).tenantId).toBeUndefined();
  });

  it('the same object in two places is no cycle', () => {
    const shared = { teamId: 'a' };
    expect(copy([shared, shared])).toEqual({ data: [{ teamId: 'a' }, { teamId: 'a' }], problems: {} });
  });

  const cyclic: Record<string, unknown> = { caps: [] };
  (cyclic.caps as unknown[]).push({ selector: cyclic });
  const deep = Array.from({ length: 40 }).reduce<unknown>((inner) => [inner], 1);
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const hostile = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Proxy(Object.create(null), {});
      },
    },
  );

  it.each([
    ['a cycle', cyclic, 'caps[0].selector', 'contains itself'],
    ['deep nesting', { a: deep }, `a${'[0]'.repeat(15)}`, 'is nested deeper than 16 levels'],
    ['NaN', { amountCents: Number.NaN }, 'amountCents', 'is NaN, not a finite number'],
    ['Infinity', [Number.NEGATIVE_INFINITY], '[0]', 'is -Infinity, not a finite number'],
    ['a bigint', { amountCents: 5n }, 'amountCents', 'is a JavaScript bigint, which JSON cannot hold'],
    ['a function', { id: () => 'x' }, 'id', 'is a JavaScript function, which JSON cannot hold'],
    ['a symbol', { id: Symbol('x') }, 'id', 'is a JavaScript symbol, which JSON cannot hold'],
    ['undefined itself', undefined, 'policy', 'is missing'],
    ['a hole', { caps: new Array(1) }, 'caps[0]', 'is missing'],
    ['half a pair', { id: HALF_PAIR }, 'id', 'has half a surrogate pair, which is no text'],
    ['half a pair as key', { [HALF_PAIR]: 1 }, `["${'\\ud83d'}"]`, 'has half a surrogate pair in its name'],
    [
      'a throwing getter',
      {
        get id(): never {
          throw new Error('no');
        },
      },
      'id',
      'cannot be read: reading it throws',
    ],
    ['a revoked proxy', { scope: revoked.proxy }, 'scope', 'cannot be read: reading it throws'],
    ['a proxy that throws a proxy', hostile, 'policy', 'cannot be read: reading it throws'],
    ['a huge sparse array', { caps: new Array(4e9) }, 'policy', 'holds more than 50000 values'],
    ['too many values', Array.from({ length: 50_001 }).fill(1), 'policy', 'holds more than 50000 values'],
  ])('%s is noted at its path', (_, input, path, message) => {
    expect(copy(input).problems).toMatchObject({ [path]: message });
  });

  it('a proxy without end ends at a limit', () => {
    const endless: object = new Proxy(
      {},
      {
        ownKeys: () => ['a', 'b', 'c'],
        getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
        get: () => endless,
      },
    );
    const fresh = (): object =>
      new Proxy(
        {},
        {
          ownKeys: () => ['a', 'b', 'c'],
          getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
          get: fresh,
        },
      );
    expect(copy(endless).problems).toHaveProperty('a', 'contains itself');
    expect(copy(fresh()).problems).toHaveProperty('policy', 'holds more than 50000 values');
  });

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withNullPrototype: true,
          withSparseArray: true,
        }),
        (value) => {
          copy(value);
        },
      ),
    );
  });
});
