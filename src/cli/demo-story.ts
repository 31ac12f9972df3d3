/** The demo's agent: five little tasks under two caps, sent by plain `fetch` through the guard to the stand-in. */
import type { JsonObject } from '../core/json.js';
import type { SpendPolicy } from '../core/policy.js';
import { AgentGuardBlockedError } from '../guard/blocked-error.js';
import { setCostOverride } from '../guard/cost-overrides.js';
import type { DecisionEvent } from '../guard/options.js';
import { type GuardedFetch, guardFetch } from '../guard/with-spend-guard.js';
import type { ScriptStep } from '../stand-in/script.js';
import type { StandIn } from '../stand-in/server.js';

export const DEMO_SCOPE = 'demo';
export const OPUS = 'anthropic/claude-opus-4.7';
export const HAIKU = 'anthropic/claude-haiku-4.5';

/** One call and what its rows say. */
export interface DemoCall {
  readonly title: string;
  readonly decision: JsonObject;
  readonly settlement: JsonObject | undefined;
  /** The refusal as the program catches it. */
  readonly refusal: AgentGuardBlockedError | undefined;
  /** Events of a streamed answer; 0 for a plain one. */
  readonly events: number;
  readonly tookMs: number;
}

export interface DemoWorld {
  readonly home: string;
  readonly session: string;
  readonly standIn: StandIn;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly elapsedMs: () => number;
}

interface Task {
  readonly taskId: string;
  readonly title: string;
  readonly prompt: string;
  readonly maxTokens: number;
  readonly stream?: boolean;
  readonly answer: ScriptStep;
}

const FIRST: Task = {
  taskId: 'read-issue',
  title: 'a call that fits',
  prompt: 'Summarise this bug report in two sentences.',
  maxTokens: 600,
  answer: { kind: 'answer', promptTokens: 120, outputTokens: 400 },
};
const STREAMED: Task = {
  taskId: 'draft-fix',
  title: 'a stream, metered as it passes',
  prompt: 'Draft a fix, and think aloud.',
  maxTokens: 600,
  stream: true,
  answer: { kind: 'answer', promptTokens: 120, outputTokens: 300, eventDelayMs: 2 },
};
const HOLDING: Task = {
  taskId: 'run-checks',
  title: 'a call that takes its time',
  prompt: 'Which checks should run?',
  maxTokens: 1600,
  answer: { kind: 'slow', delayMs: 400, promptTokens: 120, outputTokens: 100 },
};
const WAITING: Task = {
  taskId: 'read-logs',
  title: 'a second one that waits for its hold, then passes',
  prompt: 'What do the logs say?',
  maxTokens: 1600,
  answer: { kind: 'answer', promptTokens: 120, outputTokens: 200 },
};
const DEARER: Task = {
  taskId: 'review',
  title: 'past the first cap: a cheaper model',
  prompt: 'Review the patch for security issues.',
  maxTokens: 1024,
  answer: { kind: 'answer', promptTokens: 120, outputTokens: 700 },
};
const TOO_LARGE: Task = {
  taskId: 'rewrite-docs',
  title: 'could pass the ceiling: refused before it is sent',
  prompt: 'Rewrite the whole manual.',
  maxTokens: 3000,
  answer: { kind: 'answer' },
};

/** Two caps over one run of the demo, so that every run tells the same story. */
export function createDemoPolicy(session: string, nowMs: number): SpendPolicy {
  return {
    id: 'demo-policy',
    name: 'Demo',
    scope: { tenantId: DEMO_SCOPE, sessionId: session },
    caps: [
      { amountCents: 5, window: 'per_day', action: 'downgrade', downgradeTo: HAIKU, reason: 'soft limit' },
      { amountCents: 10, window: 'per_day', action: 'block', reason: 'hard ceiling' },
    ],
    mode: 'enforce',
    version: 1,
    effectiveFrom: new Date(nowMs).toISOString(),
  };
}

/** Runs the story, call by call. @throws AgentGuardError when the ledger cannot be written. */
export async function* runStory(world: DemoWorld): AsyncGenerator<DemoCall> {
  setCostOverride(OPUS, { inputCentsPerKtok: '0.5', outputCentsPerKtok: '2.5' });
  setCostOverride(HAIKU, { inputCentsPerKtok: '0.1', outputCentsPerKtok: '0.5' });
  const rows: JsonObject[] = [];
  const guarded = guardFetch(fetch, {
    policy: createDemoPolicy(world.session, world.now()),
    scope: { tenantId: DEMO_SCOPE, sessionId: world.session, agentId: 'demo-agent' },
    config: {
      home: world.home,
      provider: 'openrouter',
      clock: world.now,
      onDecision: ({ decision }: DecisionEvent) => void rows.push(decision),
    },
  });
  const perform = (task: Task): Promise<DemoCall> => performTask(world, guarded, rows, task);
  try {
    yield await perform(FIRST);
    yield await perform(STREAMED);
    const holding = perform(HOLDING);
    await decided(rows, HOLDING.taskId, holding);
    const waiting = perform(WAITING);
    yield* await Promise.all([holding, waiting]);
    yield await perform(DEARER);
    yield await perform(TOO_LARGE);
  } finally {
    await guarded.$guard.close();
  }
}

async function performTask(
  world: DemoWorld,
  guarded: GuardedFetch,
  rows: readonly JsonObject[],
  task: Task,
): Promise<DemoCall> {
  const { taskId, title } = task;
  world.standIn.enqueue(task.answer);
  const startedMs = world.elapsedMs();
  let refusal: AgentGuardBlockedError | undefined;
  let events = 0;
  try {
    events = await sendTask(world, guarded.$guard.with({ taskId }), task);
  } catch (error) {
    if (!(error instanceof AgentGuardBlockedError)) throw error;
    refusal = error;
  }
  const own = rows.filter((row) => (row.actor as JsonObject).taskId === taskId);
  const decision = own.find((row) => row.entryType === undefined);
  if (!decision) throw new TypeError(`the guard recorded nothing for ${taskId}`);
  const settlement = own.find((row) => row.entryType === 'settlement');
  return { title, decision, settlement, refusal, events, tookMs: Math.round(world.elapsedMs() - startedMs) };
}

/** Sends one request and reads its answer to the end. How many events a stream had. */
async function sendTask(world: DemoWorld, guarded: GuardedFetch, task: Task): Promise<number> {
  const response = await guarded(`${world.standIn.url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer no-key-needed' },
    body: JSON.stringify({
      model: OPUS,
      max_tokens: task.maxTokens,
      messages: [{ role: 'user', content: task.prompt }],
      ...(task.stream && { stream: true }),
    }),
    signal: world.signal,
  });
  const text = await response.text();
  return task.stream ? text.split('\n').filter((line) => line.startsWith('data: {')).length : 0;
}

/** Resolves when the call has its receipt, or has ended. */
async function decided(rows: readonly JsonObject[], taskId: string, call: Promise<unknown>): Promise<void> {
  let ended = false;
  void call
    .catch(() => {})
    .finally(() => {
      ended = true;
    });
  while (!ended && !rows.some((row) => (row.actor as JsonObject).taskId === taskId))
    await new Promise((resolve) => setTimeout(resolve, 5));
}
