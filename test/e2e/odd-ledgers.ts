/** Ledgers as nobody's guard writes them: texts that attack whoever shows them, and a row that was changed. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../src/core/json.js';
import { openLedger } from '../../src/store/ledger.js';

/** One text for each row, in every field that has one. */
export const HOSTILE = [
  'x'.repeat(5000),
  'gpt\u202e5.2-evil\u2066',
  '=HYPERLINK("http://evil.example")',
  '"><script>alert(1)</script>',
  'javascript:alert(1)',
  '<img src=x onerror=alert(1)>',
];

/** Scope `hostile`: a row for each text. */
export function writeHostileLedger(home: string): Promise<void> {
  return writeLedger(
    home,
    'hostile',
    HOSTILE.map((text, at) => makeDecision(`h-${at}`, text)),
  );
}

/** Scope `tampered`: five rows, of which the third names another user than it was signed with. */
export async function writeTamperedLedger(home: string): Promise<void> {
  await writeLedger(
    home,
    'tampered',
    Array.from({ length: 5 }, (_, at) => makeDecision(`t-${at}`, at === 2 ? 'someone' : 'alice')),
  );
  const path = join(home, 'tampered/decisions.ndjson');
  await writeFile(
    path,
    (await readFile(path, 'utf8')).replaceAll('"userId":"someone"', '"userId":"mallory"'),
  );
}

async function writeLedger(home: string, scope: string, decisions: readonly JsonObject[]): Promise<void> {
  const ledger = await openLedger({ home, scope, durability: 'process' });
  await ledger.transact(() => ({ result: 0, drafts: decisions.map((decision) => ({ decision })) }));
  await ledger.close();
}

function makeDecision(decisionId: string, text: string): JsonObject {
  const labels = { tenantId: text, userId: text, teamId: text, agentId: text, taskId: text, sessionId: text };
  const models = { modelRequested: text, modelResolved: text, provider: text };
  return {
    decisionId,
    timestamp: new Date().toISOString(),
    attempt: 1,
    action: 'allow',
    actor: labels,
    ...models,
    policyId: text,
    reasons: [text],
    expectedUsd: '0.001',
    reservedUsd: '0.002',
    [text.slice(0, 50)]: text,
  };
}
