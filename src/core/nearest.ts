/** The valid word that somebody probably meant: for misspelt policy keys and values, and for model ids. */

/** Longer words get no suggestion: the work grows with the square of the length. */
const MAX_WORD_LENGTH = 256;
const SHORTEST_PART = 3;

/**
 * The candidates nearest to `word`, best first, at most `count` of them; none when nothing is near.
 * Near means: the same but for case and separators, one contained in the other, or at most a third of the
 * letters mistyped. Ties keep the order of `candidates`. Takes time in |word| × total length of the candidates.
 */
export function findNearest(word: string, candidates: readonly string[], count = 1): readonly string[] {
  if (word.length > MAX_WORD_LENGTH) return [];
  const plain = fold(word);
  return candidates
    .filter((candidate) => candidate.length <= MAX_WORD_LENGTH)
    .map((candidate) => ({ candidate, score: score(plain, fold(candidate)) }))
    .filter((scored) => Number.isFinite(scored.score))
    .sort((a, b) => a.score - b.score)
    .slice(0, count)
    .map((scored) => scored.candidate);
}

/**
 * How many letters must be inserted, dropped, replaced or swapped with their neighbour to turn `a` into `b`,
 * no part being edited twice. Counts UTF-16 code units.
 */
export function measureDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let best = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        best = Math.min(best, beforeLast[column - 2]! + 1);
      }
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
}

/** 0: the same; up to 2: one holds the other; above: one more than the distance; infinite: not near. */
function score(a: string, b: string): number {
  if (a === b) return 0;
  const [shorter, longer] = a.length < b.length ? [a, b] : [b, a];
  if (shorter.length >= SHORTEST_PART && longer.includes(shorter)) return 2 - shorter.length / longer.length;
  const allowed = Math.max(1, Math.floor(longer.length / 3));
  if (longer.length - shorter.length > allowed) return Number.POSITIVE_INFINITY;
  const distance = measureDistance(a, b);
  return distance <= allowed && distance < longer.length ? 1 + distance : Number.POSITIVE_INFINITY;
}

/** People vary case and separators most. `/` and `:` stay: they carry meaning in model ids. */
function fold(word: string): string {
  return word.toLowerCase().replace(/[\s_.-]/g, '');
}
