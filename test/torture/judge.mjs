// Judges what the torture left: rows in ledger order against the cap, promises and bills.
import { parseUsd } from '../../dist/core/money.js';
import { readLines } from '../../dist/store/index.js';
import { CAP_CENTS } from './policy.mjs';

const CAP = parseUsd(`${CAP_CENTS}e-2`);
const MINUTE_MS = 60_000;

/** @returns counts of what was looked at, and what is wrong. */
export async function judge(ledger, bills) {
  const calls = new Map();
  const windows = new Map();
  const hashes = new Set();
  const problems = [];
  const counts = { rows: 0, allowed: 0, blocked: 0, settled: 0, highestUsd: 0n };
  const add = (call, usd) => windows.set(call.window, (windows.get(call.window) ?? 0n) + usd);
  for await (const run of readLines(ledger))
    for (const { bytes } of run.lines) {
      const { decision: row, entryHash } = JSON.parse(Buffer.from(bytes).toString());
      counts.rows++;
      hashes.add(entryHash);
      if (row.entryType === 'settlement') {
        const call = calls.get(row.originalDecisionId);
        if (!call || call.source === 'provider') problems.push(`settled twice: ${row.originalDecisionId}`);
        else {
          counts.settled++;
          add(call, parseUsd(row.actualUsd) - call.usd);
          Object.assign(call, { usd: parseUsd(row.actualUsd), source: row.costSource });
        }
      } else if (row.entryType === undefined && row.action === 'allow') {
        counts.allowed++;
        const window = Math.floor(Date.parse(row.timestamp) / MINUTE_MS);
        const call = { window, usd: parseUsd(row.reservedUsd), source: 'held' };
        calls.set(row.decisionId, call);
        add(call, call.usd);
        const total = windows.get(window);
        if (total > CAP) problems.push(`cap exceeded by row ${counts.rows}`);
        if (total > counts.highestUsd) counts.highestUsd = total;
      } else if (row.action === 'block') counts.blocked++;
    }
  for (const { id, entryHash, usd } of bills) {
    const call = calls.get(id);
    if (!call || !hashes.has(entryHash)) problems.push(`a call was sent whose row is lost: ${id}`);
    else if (call.usd < parseUsd(usd)) problems.push(`billed more than the ledger says: ${id}`);
    else if (call.source === 'provider' && call.usd !== parseUsd(usd))
      problems.push(`bill and ledger differ: ${id}`);
  }
  return { counts: { ...counts, highestUsd: `${counts.highestUsd}` }, problems };
}
