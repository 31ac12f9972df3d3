/** The shape of JSON data, as `JSON.parse` yields it. */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** An object while it is made. */
export interface JsonRecord {
  [key: string]: Json;
}

/** Whether a value is a JSON object and not an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The entries that have a value: an absent fact is an absent key, never `undefined`. */
export function present(fields: Readonly<Record<string, string | number | undefined>>): JsonObject {
  const object: JsonRecord = {};
  addPresent(object, fields);
  return object;
}

/** Adds the entries that have a value to an object that is being made. */
export function addPresent(
  object: JsonRecord,
  fields: Readonly<Record<string, string | number | undefined>>,
): void {
  for (const key in fields) {
    const value = fields[key];
    if (value !== undefined) object[key] = value;
  }
}
