/** Reads the tasks of a policy, each compiled once; their caps join those of the policy (docs/policy.md "Tasks"). */
import { type CapPlace, MAX_REASON_LENGTH, readCapList } from './cap-reader.js';
import {
  asFields,
  type Fields,
  findNameFault,
  joinPath,
  noteProblem,
  readName,
  readObject,
  readOneOf,
  refuseUnknownKeys,
  requireKeys,
} from './fields.js';
import { normalizeModelId } from './model-id.js';
import { CAPABILITIES, type Cap, type PolicyTask } from './policy.js';
import type { ModelPattern } from './rule.js';
import { readUsdPerToken } from './rule-reader.js';
import { OTHER_TASKS, type Task } from './task.js';

const TASK_KEYS: readonly (keyof PolicyTask)[] = [
  'model',
  'fallback',
  'caps',
  'requiredCapability',
  'maxInputUsdPerMtok',
  'maxOutputUsdPerMtok',
  'reason',
];

export interface Tasks {
  readonly tasks: readonly Task[];
  readonly caps: readonly Cap[];
}

/** The tasks that could be read, from the key `tasks`; their caps are numbered from `firstIndex`. */
export function readTasks(fields: Fields, place: CapPlace): Tasks {
  const tasks: Task[] = [];
  const caps: Cap[] = [];
  const table = readObject(fields, 'tasks');
  if (table && Object.keys(table.data).length === 0)
    noteProblem(
      fields.problems,
      'tasks',
      'is empty, which could mean all tasks or none; leave it out to allow all',
    );
  for (const [name, value] of Object.entries(table?.data ?? {})) {
    const path = joinPath('tasks', name);
    const entry = asFields(value, path, fields.problems);
    const nameFault = findNameFault(name);
    if (nameFault !== undefined) noteProblem(fields.problems, path, `is no name of a task: it ${nameFault}`);
    if (!entry || nameFault !== undefined) continue;
    const task = readTask(entry, name);
    if (task) tasks.push(task);
    const firstIndex = place.firstIndex + caps.length;
    caps.push(...readTaskCaps(entry, name, { ...place, firstIndex, fallback: task?.fallback?.text }));
  }
  return { tasks, caps };
}

function readTask(fields: Fields, name: string): Task | undefined {
  requireKeys(fields, ['model']);
  refuseUnknownKeys(fields, TASK_KEYS);
  const model = readPattern(fields, 'model');
  const fallback = readPattern(fields, 'fallback');
  if (fallback && fallback.parts.length > 1)
    noteProblem(
      fields.problems,
      joinPath(fields.path, 'fallback'),
      'must be one model, because calls are sent to it; * goes with "model" only',
    );
  const task = {
    name,
    fallback,
    requiredCapability: readOneOf(fields, 'requiredCapability', CAPABILITIES),
    maxInputUsd: readUsdPerToken(fields, 'maxInputUsdPerMtok'),
    maxOutputUsd: readUsdPerToken(fields, 'maxOutputUsdPerMtok'),
    reason: readName(fields, 'reason', MAX_REASON_LENGTH),
  };
  return model && { ...task, model };
}

function readPattern(fields: Fields, key: 'model' | 'fallback'): ModelPattern | undefined {
  const text = readName(fields, key);
  return text === undefined ? undefined : { text, parts: normalizeModelId(text).split(/\*+/) };
}

function readTaskCaps(fields: Fields, name: string, place: CapPlace): readonly Cap[] {
  const { scope } = place;
  if (name === OTHER_TASKS && fields.data.caps !== undefined) {
    const message = 'does not go with the task "*", which is no label to count by; write them in the policy';
    noteProblem(fields.problems, joinPath(fields.path, 'caps'), message);
    return [];
  }
  if (scope.taskId !== undefined && scope.taskId !== name) {
    const message = `names another task than the policy's scope, ${JSON.stringify(scope.taskId)}: no call can match`;
    noteProblem(fields.problems, fields.path, message);
    return [];
  }
  return readCapList(fields, { ...place, scope: { ...scope, taskId: name }, task: name });
}
