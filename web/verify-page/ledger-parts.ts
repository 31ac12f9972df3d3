/** Files that are the parts of one rotated ledger, told by their names (docs/receipt-format.md "Parts"). */

export interface NamedBlob {
  readonly name: string;
  readonly blob: Blob;
  /** Came inside the page's own file, so from whoever made that: it can be verified, and proves nothing about others. */
  readonly enclosed?: boolean;
}

/** What is verified as one history. */
export interface LedgerBlobs {
  readonly path: string;
  readonly blobs: readonly Blob[];
  readonly missingParts: readonly string[];
}

const NEWEST = 'decisions.ndjson';
const FULL_PART = /^decisions-(\d{6})\.ndjson$/;
/** A part with a number out of this world must not make a list as long. */
const MAX_NAMED = 100;

/** Puts the parts of one ledger together in their order. Two files of one name are of two ledgers: then none are. */
export function groupParts(files: readonly NamedBlob[]): readonly LedgerBlobs[] {
  const parts = files.filter(({ name }) => name === NEWEST || FULL_PART.test(name));
  const isOneLedger = parts.length > 1 && new Set(parts.map(({ name }) => name)).size === parts.length;
  if (!isOneLedger) return files.map(alone);
  const inOrder = parts.toSorted((a, b) => numberOf(a.name) - numberOf(b.name));
  const ledger = {
    path: NEWEST,
    blobs: inOrder.map(({ blob }) => blob),
    missingParts: listMissing(inOrder.map(({ name }) => numberOf(name)).filter(Number.isFinite)),
  };
  return [ledger, ...files.filter((file) => !parts.includes(file)).map(alone)];
}

function alone({ name, blob }: NamedBlob): LedgerBlobs {
  return { path: name, blobs: [blob], missingParts: [] };
}

/** The newest part has no number yet: it is the last. */
function numberOf(name: string): number {
  return Number(FULL_PART.exec(name)?.[1] ?? Number.POSITIVE_INFINITY);
}

function listMissing(numbers: readonly number[]): readonly string[] {
  const [oldest = 0] = numbers;
  const missing: string[] = [];
  for (let at = oldest; at < (numbers.at(-1) ?? oldest) && missing.length < MAX_NAMED; at++)
    if (!numbers.includes(at)) missing.push(`decisions-${String(at).padStart(6, '0')}.ndjson`);
  return missing;
}
