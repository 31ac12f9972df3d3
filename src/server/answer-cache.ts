/** Answers that are the same for all who ask while nothing changes: worked out once, also when all ask at once. */

const MAX_ANSWERS = 64;

export interface AnswerCache {
  /** The answer of a key in a state of things. */
  get<T>(key: string, state: string, make: () => Promise<T>): Promise<T>;
}

export function createAnswerCache(): AnswerCache {
  const answers = new Map<string, { readonly state: string; readonly answer: Promise<unknown> }>();
  return {
    get<T>(key: string, state: string, make: () => Promise<T>): Promise<T> {
      const known = answers.get(key);
      if (known?.state === state) return known.answer as Promise<T>;
      const answer = make();
      answers.delete(key);
      answers.set(key, { state, answer });
      // What failed is asked again.
      answer.catch(() => answers.get(key)?.answer === answer && answers.delete(key));
      const [oldest] = answers.size > MAX_ANSWERS ? answers.keys() : [];
      if (oldest !== undefined) answers.delete(oldest);
      return answer;
    },
  };
}
