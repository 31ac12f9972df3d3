/**
 * Copies any JavaScript value into plain JSON data: own enumerable text keys only, `undefined` left out, objects
 * without a prototype. Class instances, getters, proxies and cycles are untrusted and never make it throw.
 */
import { joinPath, noteProblem, type ProblemMap } from './fields.js';
import type { Json, JsonObject } from './json.js';

const MAX_DEPTH = 16;
const MAX_VALUES = 50_000;

/** The value being copied: path of its keys' parent (may be empty) and what problems call the value itself. */
export interface Root {
  readonly path: string;
  readonly name: string;
}

interface Copying {
  readonly problems: ProblemMap;
  readonly root: Root;
  /** The objects that contain the present one: meeting one of them again is a cycle. */
  readonly ancestors: Set<object>;
  valuesLeft: number;
}

/**
 * The value as JSON data. What cannot be JSON is noted in `problems` and stands as `null` in the copy, so that
 * everything else can still be judged. Depth is limited to 16 and the number of values to 50,000.
 */
export function copyPlainData(input: unknown, root: Root, problems: ProblemMap): Json {
  return copyValue(input, root.path, { problems, root, ancestors: new Set(), valuesLeft: MAX_VALUES });
}

function copyValue(value: unknown, path: string, copying: Copying): Json {
  if (copying.valuesLeft === 0)
    return refuse(copying.root.path, `holds more than ${MAX_VALUES} values`, copying);
  copying.valuesLeft--;
  switch (typeof value) {
    case 'boolean':
      return value;
    case 'string':
      return isWellFormed(value)
        ? value
        : refuse(path, 'has half a surrogate pair, which is no text', copying);
    case 'number':
      return Number.isFinite(value) ? value : refuse(path, `is ${value}, not a finite number`, copying);
    case 'object':
      return value === null ? null : copyObject(value, path, copying);
    case 'undefined':
      return refuse(path, 'is missing', copying);
    default:
      return refuse(path, `is a JavaScript ${typeof value}, which JSON cannot hold`, copying);
  }
}

function copyObject(value: object, path: string, copying: Copying): Json {
  const { ancestors } = copying;
  if (ancestors.has(value)) return refuse(path, 'contains itself', copying);
  if (ancestors.size >= MAX_DEPTH) return refuse(path, `is nested deeper than ${MAX_DEPTH} levels`, copying);
  ancestors.add(value);
  try {
    return Array.isArray(value) ? copyArray(value, path, copying) : copyRecord(value, path, copying);
  } catch {
    // A proxy may throw from any trap; what it throws may itself be hostile, so it is not looked at.
    return refuse(path, 'cannot be read: reading it throws', copying);
  } finally {
    ancestors.delete(value);
  }
}

function copyArray(value: readonly unknown[], path: string, copying: Copying): Json {
  const copy: Json[] = [];
  for (let index = 0; index < value.length && copying.valuesLeft > 0; index++) {
    copy.push(copyProperty(value, index, joinPath(path, index), copying) ?? null);
  }
  if (copy.length < value.length) refuse(copying.root.path, `holds more than ${MAX_VALUES} values`, copying);
  return copy;
}

function copyRecord(value: object, path: string, copying: Copying): JsonObject {
  const copy: Record<string, Json> = Object.create(null);
  for (const key of Object.keys(value)) {
    const keyPath = joinPath(path, key);
    if (!isWellFormed(key)) refuse(keyPath, 'has half a surrogate pair in its name', copying);
    const property = copyProperty(value as Record<string, unknown>, key, keyPath, copying);
    if (property !== undefined) copy[key] = property;
  }
  return copy;
}

/** `undefined` for a property that is `undefined`. In an array that is a hole, which JSON cannot hold. */
function copyProperty<K extends string | number>(
  holder: { readonly [P in K]: unknown },
  key: K,
  path: string,
  copying: Copying,
): Json | undefined {
  let value: unknown;
  try {
    value = holder[key];
  } catch {
    return refuse(path, 'cannot be read: reading it throws', copying);
  }
  if (value === undefined && typeof key === 'string') return undefined;
  return copyValue(value, path, copying);
}

function refuse(path: string, message: string, copying: Copying): null {
  noteProblem(copying.problems, path === '' ? copying.root.name : path, message);
  return null;
}

function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
