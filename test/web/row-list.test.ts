import { describe, expect, it } from 'vitest';
import type { RowSummary } from '../../src/core/dashboard.js';
import { createRowList, type RowList } from '../../web/state/row-list.js';
import { type DataSource, type RowsRequest, SourceError } from '../../web/state/source.js';

interface Fake {
  readonly source: DataSource;
  readonly asked: RowsRequest[];
  total: number;
  failing: boolean;
}

function makeRow(row: number, text = ''): RowSummary {
  const amounts = { expectedUsd: null, reservedUsd: null, actualUsd: null, costUsd: null };
  const place = { ref: `r${row}`, decisionId: `d${row}`, attempt: 1, scope: 'acme', row };
  return { ...place, ...amounts, action: 'allow', state: 'settled', timestampMs: row, reason: text };
}

/** A list of `total` rows, the newest first having the highest number. */
function openFake(total: number): Fake {
  const fake = { asked: [] as RowsRequest[], total, failing: false };
  const rows = async (request: RowsRequest) => {
    fake.asked.push(request);
    if (fake.failing) throw new SourceError(0, 'UNREACHABLE', 'nobody answers');
    const asOf = request.asOf ?? fake.total;
    const size = Math.max(0, Math.min(request.limit, asOf - request.offset));
    const list = Array.from({ length: size }, (_, at) => makeRow(asOf - 1 - request.offset - at));
    return { asOf, total: asOf, offset: request.offset, rows: list };
  };
  return Object.assign(fake, { source: { live: true, rows } as unknown as DataSource });
}

async function openList(total: number, q = ''): Promise<{ fake: Fake; list: RowList }> {
  const fake = openFake(total);
  const list = createRowList(fake.source);
  await list.reset(q);
  return { fake, list };
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

describe('a window onto a long list', () => {
  it('has the newest page after one question', async () => {
    const { fake, list } = await openList(1_000_000);
    expect(list.total()).toBe(1_000_000);
    expect(list.at(0)?.row).toBe(999_999);
    expect(fake.asked).toHaveLength(1);
  });

  it('fetches only the pages that are looked at', async () => {
    const { fake, list } = await openList(1_000_000);
    list.want(499_999, 500_030);
    await settle();
    expect(list.at(500_000)?.row).toBe(499_999);
    expect(fake.asked.slice(1).map(({ offset }) => offset)).toEqual([499_800, 500_000]);
    expect(list.at(300_000)).toBeUndefined();
  });

  it('asks for a page once', async () => {
    const { fake, list } = await openList(1000);
    list.want(400, 410);
    list.want(400, 410);
    await settle();
    list.want(400, 410);
    expect(fake.asked).toHaveLength(2);
  });

  it('keeps a bounded number of pages', async () => {
    const { fake, list } = await openList(1_000_000);
    for (let at = 0; at < 200; at++) {
      list.want(at * 200, at * 200 + 10);
      await settle();
    }
    const before = fake.asked.length;
    list.want(0, 10);
    await settle();
    expect(fake.asked.length).toBe(before + 1);
  });

  it('asks for nothing beyond its end, nor in an empty list', async () => {
    const { fake, list } = await openList(0);
    list.want(0, 50);
    await settle();
    expect(fake.asked).toHaveLength(1);
    expect(list.at(0)).toBeUndefined();
  });
});

describe('rows that arrive', () => {
  it('stand first, and leave every other one in its place after them', async () => {
    const { list } = await openList(1000);
    expect(list.take([makeRow(1000), makeRow(1001)], true)).toBe(2);
    expect([0, 1, 2].map((at) => list.at(at)?.row)).toEqual([1001, 1000, 999]);
    list.want(600, 602);
    await settle();
    expect(list.at(601)?.row).toBe(400);
  });

  it('replace the row that they change and are not counted as new', async () => {
    const { list } = await openList(1000);
    expect(list.take([makeRow(998, 'settled')], true)).toBe(0);
    expect(list.at(1)?.reason).toBe('settled');
    expect(list.total()).toBe(1000);
  });

  it('are not let in while somebody reads, nor under a filter', async () => {
    const { list } = await openList(1000);
    expect(list.take([makeRow(1000)], false)).toBe(1);
    expect(list.at(0)?.row).toBe(999);
    const filtered = await openList(1000, 'user:alice');
    expect(filtered.list.take([makeRow(1000)], true)).toBe(1);
    expect(filtered.list.at(0)?.row).toBe(999);
  });
});

describe('a source that fails', () => {
  it('leaves what was read and tells the error', async () => {
    const { fake, list } = await openList(1000);
    fake.failing = true;
    await list.reset('');
    expect(list.error.value?.message).toBe('nobody answers');
    expect(list.at(0)?.row).toBe(999);
  });

  it('is asked again for the page that did not come', async () => {
    const { fake, list } = await openList(1000);
    fake.failing = true;
    list.want(400, 410);
    await settle();
    fake.failing = false;
    list.want(400, 410);
    await settle();
    expect(list.at(400)?.row).toBe(599);
    expect(list.error.value).toBeUndefined();
  });

  it('lets the newest question win', async () => {
    const { list } = await openList(10);
    await Promise.all([list.reset('user:a'), list.reset('user:b')]);
    expect(list.q()).toBe('user:b');
  });
});
