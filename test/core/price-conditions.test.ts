import { describe, expect, it } from 'vitest';
import { judgeConditions, listTurns, readConditions } from '../../src/core/price-conditions.js';

/** 2026-10-05 is a Monday. */
const at = (time: string) => Date.parse(`2026-10-${time}Z`);

function judge(data: Parameters<typeof readConditions>[0], time: string, promptTokens = 0) {
  return judgeConditions(readConditions(data).conditions, { promptTokens, atMs: at(time) });
}

describe('a smallest prompt', () => {
  it.each([
    [0, 'no'],
    [199_999, 'no'],
    [200_000, 'no'],
    [200_001, 'yes'],
  ])('of 200,000 tokens: %d tokens: %s', (promptTokens, truth) => {
    expect(judge({ min_prompt_tokens: 200_000 }, '05T12:00:00', promptTokens)).toBe(truth);
  });
});

describe('a window of the UTC clock', () => {
  it.each([
    [100, 400, '05T00:59:59.999', 'no'],
    [100, 400, '05T01:00:00', 'yes'],
    [100, 400, '05T03:59:59.999', 'yes'],
    [100, 400, '05T04:00:00', 'no'],
    [1030, 0, '05T10:29:59.999', 'no'],
    [1030, 0, '05T10:30:00', 'yes'],
    [1030, 0, '05T23:59:59.999', 'yes'],
    [1030, 0, '06T00:00:00', 'no'],
    [1030, 2400, '05T23:59:59.999', 'yes'],
    [2230, 130, '05T22:29:59.999', 'no'],
    [2230, 130, '05T22:30:00', 'yes'],
    [2230, 130, '06T00:00:00', 'yes'],
    [2230, 130, '06T01:29:59.999', 'yes'],
    [2230, 130, '06T01:30:00', 'no'],
    [0, 0, '05T12:00:00', 'yes'],
    [0, 1, '05T00:00:59.999', 'yes'],
    [0, 1, '05T00:01:00', 'no'],
  ])('from %d to %d at %s: %s', (utc_start, utc_end, time, truth) => {
    expect(judge({ utc_start, utc_end }, time)).toBe(truth);
  });

  it('without an end lasts until midnight, without a start it begins there', () => {
    expect(judge({ utc_start: 2200 }, '05T23:59:59')).toBe('yes');
    expect(judge({ utc_start: 2200 }, '05T21:59:59')).toBe('no');
    expect(judge({ utc_end: 200 }, '05T00:00:00')).toBe('yes');
    expect(judge({ utc_end: 200 }, '05T02:00:00')).toBe('no');
  });

  it('of no length may be a whole day or none', () => {
    expect(judge({ utc_start: 900, utc_end: 900 }, '05T12:00:00')).toBe('maybe');
    expect(judge({ utc_start: 900, utc_end: 900, utc_days: ['friday'] }, '05T12:00:00')).toBe('no');
  });

  it('holds before 1970 too', () => {
    const { conditions } = readConditions({ utc_days: ['wednesday'], utc_start: 2300, utc_end: 0 });
    expect(judgeConditions(conditions, { promptTokens: 0, atMs: -1 })).toBe('yes');
    expect(judgeConditions(conditions, { promptTokens: 0, atMs: 0 })).toBe('no');
  });
});

describe('a weekday', () => {
  it.each([
    ['04T23:59:59.999', 'no'],
    ['05T00:00:00', 'yes'],
    ['05T23:59:59.999', 'yes'],
    ['06T00:00:00', 'no'],
  ])('is a UTC day: monday at %s: %s', (time, truth) => {
    expect(judge({ utc_days: ['monday'] }, time)).toBe(truth);
  });

  it.each([
    ['05T00:30:00', 'maybe'],
    ['05T22:29:00', 'no'],
    ['05T22:30:00', 'yes'],
    ['06T00:30:00', 'maybe'],
    ['06T01:30:00', 'no'],
    ['06T22:30:00', 'no'],
  ])('of a window over midnight may be that of its start or of the moment: %s: %s', (time, truth) => {
    expect(judge({ utc_days: ['monday'], utc_start: 2230, utc_end: 130 }, time)).toBe(truth);
  });

  it('is sure over midnight when both days are named', () => {
    expect(judge({ utc_days: ['monday', 'tuesday'], utc_start: 2230, utc_end: 130 }, '06T00:30:00')).toBe(
      'yes',
    );
  });

  it('of an empty list may hold or not', () => {
    expect(judge({ utc_days: [] }, '05T12:00:00')).toBe('maybe');
  });
});

it('one condition that does not hold is enough', () => {
  const data = { min_prompt_tokens: 10, utc_start: 100, utc_end: 400, utc_days: ['monday'] };
  expect(judge(data, '05T02:00:00', 11)).toBe('yes');
  expect(judge(data, '05T02:00:00', 10)).toBe('no');
  expect(judge(data, '05T05:00:00', 11)).toBe('no');
  expect(judge(data, '06T02:00:00', 11)).toBe('no');
});

describe('a condition that is not understood', () => {
  it.each([
    ['min_prompt_tokens', -1],
    ['min_prompt_tokens', 0.5],
    ['min_prompt_tokens', '1000'],
    ['utc_start', 1060],
    ['utc_start', 2400],
    ['utc_start', 2500],
    ['utc_start', '0100'],
    ['utc_start', null],
    ['utc_end', 2401],
    ['utc_end', 99],
    ['utc_days', 'monday'],
    ['utc_days', ['Monday']],
    ['utc_days', ['mon']],
    ['utc_days', [1]],
  ])('%s: %j is unknown', (key, value) => {
    expect(readConditions({ [key]: value })).toEqual({ conditions: {}, unknown: [key] });
  });
});

describe('the moments at which a price may turn', () => {
  it('are the edges of the window and midnight, within the span', () => {
    const { conditions } = readConditions({ utc_start: 2230, utc_end: 130 });
    const turns = listTurns(conditions, at('05T22:30:00'), at('06T01:30:00'));
    expect(turns).toEqual([at('06T00:00:00'), at('06T01:30:00')]);
  });

  it('are none without a condition of time', () => {
    expect(
      listTurns(readConditions({ min_prompt_tokens: 5 }).conditions, 0, Number.MAX_SAFE_INTEGER),
    ).toEqual([]);
  });

  it('are one week of them at most', () => {
    const { conditions } = readConditions({ utc_start: 100, utc_end: 200 });
    expect(listTurns(conditions, at('05T12:00:00'), Number.MAX_SAFE_INTEGER)).toHaveLength(21);
  });
});
