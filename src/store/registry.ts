/** Things that a process has once and several holders share: made by the first, closed by the last. */

export interface Lease<T> {
  readonly value: T;
  /** Idempotent. */
  release(): Promise<void>;
}

interface Entry<T> {
  readonly value: Promise<T>;
  holders: number;
}

/** A registry by name. While something is being closed, its name waits and then makes a new one. */
export function createRegistry<T extends { close(): Promise<void> }>() {
  const entries = new Map<string, Entry<T>>();
  const closing = new Map<string, Promise<void>>();

  async function lease(name: string, make: () => Promise<T>): Promise<Lease<T>> {
    while (closing.has(name)) await closing.get(name);
    const entry = entries.get(name) ?? { value: make(), holders: 0 };
    entries.set(name, entry);
    entry.holders++;
    let released: Promise<void> | undefined;
    try {
      const value = await entry.value;
      return { value, release: () => (released ??= drop(name, entry)) };
    } catch (error) {
      if (entries.get(name) === entry) entries.delete(name);
      throw error;
    }
  }

  async function drop(name: string, entry: Entry<T>): Promise<void> {
    if (--entry.holders > 0) return;
    entries.delete(name);
    const closed = entry.value.then((value) => value.close()).finally(() => closing.delete(name));
    closing.set(
      name,
      closed.catch(() => {}),
    );
    await closed;
  }

  return { lease };
}
