/**
 * Writes a ledger of any size with calls as people make them: several teams, models, tasks, sessions, days; blocks,
 * downgrades, held and released calls. `node bench/big-ledger.js <home> <rows> [scope] [--signed]`
 */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MODELS = [
  ['anthropic/claude-sonnet-4.6', 3, 15, 'Anthropic', 30],
  ['openai/gpt-5.2', 1.25, 10, 'OpenAI', 22],
  ['google/gemini-3-flash-preview', 0.5, 3, 'Google', 16],
  ['anthropic/claude-haiku-4.5', 1, 5, 'Amazon Bedrock', 14],
  ['deepseek/deepseek-v3.2', 0.25, 0.38, 'DeepInfra', 9],
  ['anthropic/claude-opus-4.7', 5, 25, 'Anthropic', 6],
  ['qwen/qwen3-coder', 0.22, 0.95, 'Together', 3],
];
const CHEAP = MODELS[3];
const TEAMS = ['platform', 'search', 'support', 'growth', 'research', 'finance'];
const AGENTS = ['code-review', 'triage-bot', 'docs-writer', 'release-notes', 'sql-helper', 'mail-sorter'];
const TASKS = ['draft-fix', 'read-issue', 'summarize', 'classify', 'plan', 'extract', 'translate', 'answer'];
const USERS = [
  'alice',
  'bob',
  'carol',
  'dan',
  'erin',
  'frank',
  'grace',
  'heidi',
  'ivan',
  'judy',
  'mallory',
  'olga',
];
const ENVIRONMENTS = ['production', 'production', 'production', 'staging', 'ci'];
const DAY_MS = 86_400_000;

/** Writes the ledger of a scope. Without `signed`, hashes and signatures are only of the right form: a tenth of the time. */
export async function writeBigLedger(
  home,
  rows,
  { scope = 'acme', days = 30, signed = false, endMs = Date.now() } = {},
) {
  const folder = join(home, scope);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = createWriteStream(join(folder, 'decisions.ndjson'), { mode: 0o600 });
  const seal = createSeal(signed);
  const random = createRandom(7);
  const ledger = { ledgerId: 'b'.repeat(32), index: 0 };
  const stepMs = (days * DAY_MS) / rows;
  let text = '';
  for (const { row, atMs } of listRows(random, rows, endMs - days * DAY_MS, stepMs)) {
    text += `${seal(row, atMs, ledger)}\n`;
    if (text.length < 4_194_304) continue;
    if (!file.write(text)) await new Promise((resolve) => file.once('drain', resolve));
    text = '';
  }
  await new Promise((resolve) => file.end(text, resolve));
  return join(folder, 'decisions.ndjson');
}

function* listRows(random, rows, startMs, stepMs) {
  const settlements = [];
  for (let row = 0; row < rows; row++) {
    const atMs = Math.floor(startMs + row * stepMs);
    // Calls run side by side: their endings come some rows later.
    const due =
      settlements.length > 4 + random(4) || (settlements.length > 0 && row >= rows - settlements.length);
    const settlement = due ? settlements.shift() : undefined;
    if (settlement) {
      yield { row: settlement, atMs };
      continue;
    }
    const { decision, ending } = makeCall(random, atMs);
    if (ending) settlements.push(ending);
    yield { row: decision, atMs };
  }
}

function makeCall(random, atMs) {
  const chance = random(1000);
  const [model, input, output, provider] = pickModel(random);
  const team = random(TEAMS.length);
  const user = USERS[(team * 2 + random(3)) % USERS.length];
  const session = `s-${Math.floor(atMs / 900_000).toString(36)}-${user}`;
  const actor = {
    agentId: AGENTS[(team + random(2)) % AGENTS.length],
    environment: ENVIRONMENTS[random(ENVIRONMENTS.length)],
    provider: 'openrouter',
    sessionId: session,
    taskId: TASKS[random(TASKS.length)],
    teamId: TEAMS[team],
    tenantId: 'acme',
    userId: user,
  };
  const action = chance < 25 ? 'block' : chance < 70 ? 'downgrade' : 'allow';
  const [resolved, resolvedInput, resolvedOutput, resolvedProvider] =
    action === 'downgrade' ? CHEAP : [model, input, output, provider];
  const tokens = { input: 200 + random(12_000), output: 50 + random(2_500) };
  const price = (i, o) => printPico(i * resolvedInput * 1e6 + o * resolvedOutput * 1e6);
  const expected = price(tokens.input, 1024);
  const reserved = price(tokens.input * 3, 4096);
  const id = randomId();
  const common = { actor, attempt: 1, enforcementMode: 'enforce', formatVersion: 1 };
  const models = { modelRequested: model, modelResolved: resolved };
  const policy = { policyHash: '5'.repeat(64), policyId: 'engineering', policyVersion: 4 };
  const cap = `tenantId=acme/teamId=${TEAMS[team]}`;
  const decision = {
    ...common,
    ...models,
    ...policy,
    action,
    capabilityClaim: null,
    caps: [describeCap(0, cap, atMs), describeCap(1, cap, atMs)],
    costBasis: {
      inputCentsPerKtok: String(resolvedInput / 10),
      inputUsdPerToken: `${resolvedInput}e-6`,
      outputCentsPerKtok: String(resolvedOutput / 10),
      outputUsdPerToken: `${resolvedOutput}e-6`,
      rateSource: 'catalogue',
    },
    decisionId: id,
    estimatedInputTokens: tokens.input,
    estimatedOutputTokens: 1024,
    expectedUsd: expected,
    inputTokensBound: tokens.input * 3,
    instance: '7859f867600610cf',
    outputTokensBound: 4096,
    path: '/chat/completions',
    projectedCents: 1,
    provider: 'openrouter',
    reasons: action === 'allow' ? [] : [`soft limit: ${action} cap $${40 + team} per_day (${cap})`],
    refusal: action === 'block' ? { alternatives: [CHEAP[0]], code: 'cap_exceeded' } : undefined,
    requiredCapability: null,
    reservedUsd: reserved,
    triggeredCap:
      action === 'allow' ? null : { action, amountUsd: String(40 + team), index: 1, window: 'per_day' },
    triggeredScopeKey: action === 'allow' ? null : cap,
    windowSpendAfter: 4,
    windowSpendBefore: 3,
  };
  if (action === 'block' || chance > 997) return { decision };
  const isReleased = chance > 985;
  const ending = {
    ...common,
    ...models,
    ...policy,
    action,
    actualCents: 1,
    actualInputTokens: tokens.input,
    actualOutputTokens: tokens.output,
    actualUsd: isReleased ? '0' : price(tokens.input, tokens.output),
    costSource: isReleased ? 'released' : chance > 960 ? 'computed' : 'provider',
    decisionId: randomId(),
    deltaCents: 0,
    entryType: 'settlement',
    generationId: `gen-${randomBytes(10).toString('hex')}`,
    originalDecisionId: id,
    outcome: isReleased ? 'not_sent' : 'answered',
    partial: chance > 970 && !isReleased,
    provider: 'openrouter',
    servedModel: isReleased ? undefined : `${resolved}-20260416`,
    servedProvider: isReleased ? undefined : resolvedProvider,
  };
  return { decision, ending };
}

function describeCap(index, scopeKey, atMs) {
  const startMs = Math.floor(atMs / DAY_MS) * DAY_MS;
  return {
    action: index === 0 ? 'downgrade' : 'block',
    addsUsd: '0.00731',
    heldUsd: '0.0412',
    index,
    limitUsd: index === 0 ? '40' : '60',
    resetsAt: new Date(startMs + DAY_MS).toISOString(),
    scopeKey,
    spentUsd: '12.341875',
    tripped: false,
    window: 'per_day',
    windowStart: new Date(startMs).toISOString(),
  };
}

function pickModel(random) {
  let rest = random(100);
  for (const model of MODELS) {
    rest -= model[4];
    if (rest < 0) return model;
  }
  return MODELS[0];
}

/** A whole number of 10⁻¹² US dollars as decimal text. */
function printPico(pico) {
  const digits = String(Math.round(pico)).padStart(13, '0');
  const fraction = digits.slice(-12).replace(/0+$/, '');
  return fraction ? `${digits.slice(0, -12)}.${fraction}` : digits.slice(0, -12);
}

function randomId() {
  const hex = randomBytes(16).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}

function createSeal(signed) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const publicKeyHex = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
  const signerFingerprint = createHash('sha256')
    .update(Buffer.from(publicKeyHex, 'hex'))
    .digest('hex')
    .slice(0, 16);
  let previousHash = '0'.repeat(64);
  return (row, atMs, ledger) => {
    const sequence = ledger.index++;
    const { ledgerId } = ledger;
    const place = { ledgerId, ledgerIndex: sequence, ledgerPreviousHash: previousHash };
    const decision = { ...row, ...place, timestamp: new Date(atMs).toISOString() };
    const text = printSorted({ decision, previousHash, sequence, signerFingerprint });
    const hash = signed ? createHash('sha256').update(text).digest() : randomBytes(32);
    const signature = (signed ? sign(null, hash, privateKey) : randomBytes(64)).toString('hex');
    previousHash = hash.toString('hex');
    return `${text.slice(0, -1)},"entryHash":"${previousHash}","signature":"${signature}","publicKeyHex":"${publicKeyHex}"}`;
  };
}

/** Canonical JSON of plain data whose texts are ASCII. */
function printSorted(value) {
  if (Array.isArray(value)) return `[${value.map(printSorted).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const keys = Object.keys(value).filter((key) => value[key] !== undefined);
  return `{${keys
    .sort()
    .map((key) => `"${key}":${printSorted(value[key])}`)
    .join()}}`;
}

/** The same numbers on every machine: `random(n)` is from 0 to n - 1. */
function createRandom(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [home, rows, scope = 'acme'] = process.argv.slice(2).filter((one) => one !== '--signed');
  const signed = process.argv.includes('--signed');
  console.log(await writeBigLedger(home, Number(rows), { scope, signed }));
}
