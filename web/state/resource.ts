/** Something read from the source and read again when what it depends on changes. */
import { useEffect, useState } from 'preact/hooks';

export interface Resource<T> {
  /** The newest answer; stays while the next one is on its way. */
  readonly value: T | undefined;
  readonly error: Error | undefined;
  readonly loading: boolean;
}

/**
 * Reads now and whenever a dependency changes; an answer that was overtaken is dropped.
 *
 * @param read gets a signal that is aborted when its answer is no longer wanted
 */
export function useResource<T>(
  read: (signal: AbortSignal) => Promise<T>,
  dependencies: readonly unknown[],
): Resource<T> {
  const [state, setState] = useState<Resource<T>>({ value: undefined, error: undefined, loading: true });
  useEffect(() => {
    const stop = new AbortController();
    setState((before) => ({ ...before, loading: true }));
    read(stop.signal).then(
      (value) => !stop.signal.aborted && setState({ value, error: undefined, loading: false }),
      (error) => !stop.signal.aborted && setState((before) => ({ ...before, error, loading: false })),
    );
    return () => stop.abort();
  }, dependencies);
  return state;
}
