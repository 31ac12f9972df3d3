/** When two spellings mean one model. Resolution against a catalogue comes with the price table. */

/** A spelling for comparing: lower case, dots as dashes. A variant suffix (`:free`) stays: it is another model. */
export function normalizeModelId(id: string): string {
  return id.trim().toLowerCase().replaceAll('.', '-');
}

/** Whether two ids are spellings of one model. */
export function sameModel(a: string, b: string): boolean {
  return a === b || normalizeModelId(a) === normalizeModelId(b);
}
