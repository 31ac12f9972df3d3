/** CSV: every text comes back as it was, and none becomes a formula. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printCsvLine, printRecordHead, printRecordLine, RECORD_COLUMNS } from '../../src/core/csv.js';
import { callRecord } from '../helpers/call-records.js';

/** A reader of RFC 4180, of one line. */
function readLine(line: string): string[] {
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    if (line[at] === '"') {
      let text = '';
      for (at++; ; at++) {
        if (line[at] === '"' && line[at + 1] === '"') at++;
        else if (line[at] === '"') break;
        text += line[at];
      }
      cells.push(text);
      at++;
    } else {
      const [plain = ''] = /^[^,\r\n"]*/.exec(line.slice(at)) ?? [];
      cells.push(plain);
      at += plain.length;
    }
    if (line[at] !== ',') break;
    at++;
  }
  expect(line.slice(at)).toBe('\r\n');
  return cells;
}

describe('a line of CSV', () => {
  it.each([
    '=1+1',
    '+1',
    '-1',
    '@SUM(A1)',
    '\t=1',
    '\r=1',
    '\n=1',
    ' =1',
    '\u200b=1',
    '\ufeff=1',
    '\uff1d1',
    '|cmd',
    '=HYPERLINK("http://evil.example","x")',
  ])('lets %j be text only', (text) => {
    const [cell] = readLine(printCsvLine([text]));
    expect(cell).toBe(`'${text}`);
    expect(printCsvLine([text])).toMatch(/^"/);
  });

  it('keeps every other text, and numbers as they are', () => {
    expect(printCsvLine(['a', 'x;=1', 'say "x"', 'a,b', 'a\nb', 5, true, null, ''])).toBe(
      'a,"x;=1","say ""x""","a,b","a\nb",5,true,,\r\n',
    );
  });

  it('reads back whatever it held', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 5 }), (texts) => {
        const cells = readLine(printCsvLine(texts));
        expect(cells.map((cell, at) => (cell === `'${texts[at]}` ? texts[at] : cell))).toEqual(texts);
      }),
    );
  });
});

describe('a call as CSV', () => {
  it('has a cell for each column, amounts exact', () => {
    const cells = readLine(
      printRecordLine(callRecord({ costUsd: 1n, user: '=x', timestampMs: Date.UTC(2026, 9, 7) })),
    );
    expect(readLine(printRecordHead())).toEqual([...RECORD_COLUMNS]);
    const byName = Object.fromEntries(RECORD_COLUMNS.map((column, at) => [column, cells[at]]));
    expect(byName).toMatchObject({
      timestamp: '2026-10-07T00:00:00.000Z',
      costUsd: '0.000000000000000000000001',
      user: "'=x",
      partial: 'false',
      inputTokens: '800',
    });
  });

  it('has every field of a record, and an empty time where there is none', () => {
    const fields = Object.keys(callRecord()).map((key) => (key === 'timestampMs' ? 'timestamp' : key));
    expect(RECORD_COLUMNS.toSorted()).toEqual(fields.toSorted());
    for (const timestampMs of [Number.NaN, 9e15])
      expect(readLine(printRecordLine(callRecord({ timestampMs })))[0]).toBe('');
  });
});
