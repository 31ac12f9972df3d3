/** What was written into the page's file for its reader: receipts, as `agentguard receipt --html` encloses them. */

/** A file inside of the file. From anybody: hostile. */
export interface EnclosedFile {
  readonly name: string;
  readonly text: string;
}

/** The enclosed files; none in the page as it is published. */
export function readEnclosed(page: Document): readonly EnclosedFile[] {
  try {
    const value: unknown = JSON.parse(page.getElementById('enclosed')?.textContent ?? '[]');
    return Array.isArray(value) ? value.filter(isEnclosed) : [];
  } catch {
    return [];
  }
}

function isEnclosed(value: unknown): value is EnclosedFile {
  const { name, text } = (value ?? {}) as Partial<EnclosedFile>;
  return typeof name === 'string' && typeof text === 'string';
}
