/** The task table: which model each task is assigned, and whether a call keeps to it (docs/policy.md "Tasks"). */
import type { ModelNames, NameModel } from './model-names.js';
import type { Usd } from './money.js';
import type { Capability } from './policy.js';
import type { Quote } from './price.js';
import { allows, type ModelPattern } from './rule.js';

/** The name of the entry for calls of any other task, and of none. */
export const OTHER_TASKS = '*';

/** One task, read and compiled. */
export interface Task {
  /** The `taskId` of its calls, or `*`. */
  readonly name: string;
  readonly model: ModelPattern;
  /** Used instead when a downgrade cap of the task trips, and allowed beside `model`. */
  readonly fallback: ModelPattern | undefined;
  readonly requiredCapability: Capability | undefined;
  /** US dollars per token. */
  readonly maxInputUsd: Usd | undefined;
  readonly maxOutputUsd: Usd | undefined;
  readonly reason: string | undefined;
}

/** The task of a call: the one it names, else the one for all others. */
export function findTask(tasks: readonly Task[], taskId: string | undefined): Task | undefined {
  return tasks.find(({ name }) => name === taskId) ?? tasks.find(({ name }) => name === OTHER_TASKS);
}

/** What keeps a model from being used for a task; `undefined` when nothing does. */
export function findTaskFault(task: Task, model: string, name: NameModel, quote: Quote): string | undefined {
  const why = task.reason === undefined ? '' : `${task.reason}: `;
  const names = name(model);
  if (!isAssigned(task, names, name)) {
    const assigned = [task.model, ...(task.fallback ? [task.fallback] : [])].map(({ text }) => text);
    return `${why}the task ${show(task)} may use ${assigned.join(' or ')}, not ${model}`;
  }
  if (isTooDear(task, quote)) {
    const message =
      quote.kind === 'bounded'
        ? `${model} is dearer than the task ${show(task)} may pay`
        : `the task ${show(task)} has a price ceiling, and the price of ${model} is not known`;
    return why + message;
  }
  return undefined;
}

function isAssigned({ model, fallback }: Task, names: ModelNames, name: NameModel): boolean {
  return allows(model, names, name) || (fallback !== undefined && allows(fallback, names, name));
}

/** By the prices that upstream is held to. */
function isTooDear({ maxInputUsd, maxOutputUsd }: Task, quote: Quote): boolean {
  if (maxInputUsd === undefined && maxOutputUsd === undefined) return false;
  if (quote.kind !== 'bounded') return true;
  if (maxInputUsd !== undefined && quote.admit.inputUsd > maxInputUsd) return true;
  return maxOutputUsd !== undefined && quote.admit.outputUsd > maxOutputUsd;
}

function show({ name }: Task): string {
  return JSON.stringify(name);
}
