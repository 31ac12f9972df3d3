/**
 * Reads YAML as the data that JSON could hold, strictly: whatever two readers of YAML could understand differently is
 * refused with its line (docs/policy.md, YAML). The parser is loaded by the first file that needs it.
 */
import { createRequire } from 'node:module';
import type { Document, LineCounter, Node, Pair, Scalar, YAMLError } from 'yaml';
import { readExactNumber } from '../core/exact-number.js';
import { type FieldProblem, joinPath, quote } from '../core/fields.js';
import type { Json } from '../core/json.js';

/** The value of a YAML text, or everything that keeps it from being read. */
export type YamlReading =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };

type Yaml = typeof import('yaml');

const MAX_DEPTH = 64;
/** A text with more is no policy: the first ones say so. */
const MAX_PROBLEMS = 50;

const DECIMAL = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/;
/** Numbers to some reader of YAML 1.1 or 1.2: octal, hexadecimal, binary, sexagesimal, grouped, exponents, infinities. */
const NUMBER_LIKE =
  /^[-+]?(?:0[xXoObB][0-9a-fA-F_]+|\.?[0-9][0-9_]*(?::[0-5]?[0-9])*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF|nan|NaN|NAN))$/;
/** Booleans to readers of YAML 1.1, text to those of 1.2. */
const BOOLEAN_LIKE = /^(?:y|yes|n|no|on|off)$/i;

interface Walk {
  readonly yaml: Yaml;
  readonly lines: LineCounter;
  readonly problems: FieldProblem[];
}

/** Reads one YAML document. Never throws on text. */
export function readYaml(text: string): YamlReading {
  const yaml: Yaml = createRequire(import.meta.url)('yaml');
  const lines = new yaml.LineCounter();
  const walk: Walk = { yaml, lines, problems: [] };
  if (isTooDeep(yaml, text)) return refuseWhole(`is nested deeper than ${MAX_DEPTH} levels`);
  const documents = parse(yaml, text, lines);
  for (const { pos, message } of documents.flatMap(listFaults))
    walk.problems.push({ path: place(walk, pos[0]), message: `is no YAML: ${message}` });
  const [document, ...others] = documents;
  if (others.length > 0) return refuseWhole(`holds ${documents.length} documents; a policy is one`);
  if (!document) return refuseWhole('is empty');
  if (hasDirectives(document)) return refuseWhole('has directives (%), which change what the rest means');
  const value = walk.problems.length === 0 ? readNode(walk, document.contents, '', 1) : null;
  return walk.problems.length === 0
    ? { ok: true, value }
    : { ok: false, problems: walk.problems.slice(0, MAX_PROBLEMS) };
}

/** Judged before it is parsed: the parser calls itself for each level, and enough of them end the process. */
function isTooDeep(yaml: Yaml, text: string): boolean {
  if (/^ {1000}|(?:[-?:][ \t]+){100}/m.test(text)) return true;
  let depth = 0;
  for (const token of new yaml.Lexer().lex(text)) {
    if (token === '[' || token === '{') depth++;
    else if ((token === ']' || token === '}') && depth > 0) depth--;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}

/** Scalars stay text, and keys may repeat: what they mean is decided here. */
function parse(yaml: Yaml, text: string, lineCounter: LineCounter): readonly Document[] {
  const options = { lineCounter, schema: 'failsafe', uniqueKeys: false, prettyErrors: false } as const;
  const documents = yaml.parseAllDocuments(text, { ...options, logLevel: 'silent' });
  return Array.isArray(documents) ? documents : [];
}

/** Tags that the parser does not know are refused where they stand, with all others. */
function listFaults({ errors, warnings }: Document): readonly YAMLError[] {
  return [...errors, ...warnings].filter(({ code }) => code !== 'TAG_RESOLVE_FAILED');
}

function hasDirectives({ directives }: Document): boolean {
  if (!directives) return false;
  return directives.yaml.explicit === true || Object.keys(directives.tags).join() !== '!!';
}

function readNode(walk: Walk, node: unknown, path: string, depth: number): Json {
  const { yaml } = walk;
  if (node === null || node === undefined) return null;
  if (depth > MAX_DEPTH) return refuse(walk, node as Node, path, `is nested deeper than ${MAX_DEPTH} levels`);
  if (yaml.isAlias(node)) return refuse(walk, node, path, 'is an alias (*); write the value out');
  const fault = findPropertyFault(node as Node);
  if (fault !== undefined) return refuse(walk, node as Node, path, fault);
  if (yaml.isSeq(node))
    return node.items.map((item, index) => readNode(walk, item, joinPath(path, index), depth + 1));
  if (yaml.isMap(node)) return readMap(walk, node.items, path, depth);
  return yaml.isScalar(node) ? readScalar(walk, node, path) : null;
}

/** Anchors and tags: the first are for aliases, the second change what a value is. */
function findPropertyFault(node: Node): string | undefined {
  if ('anchor' in node && node.anchor !== undefined)
    return `has an anchor (&${node.anchor.slice(0, 40)}); write the value out where it is needed`;
  if (node.tag === undefined) return undefined;
  return `has a tag (${node.tag.slice(0, 40)}); leave it out, and put text that looks like a number in quotes`;
}

function readMap(walk: Walk, items: readonly Pair[], path: string, depth: number): Json {
  const object: Record<string, Json> = Object.create(null);
  for (const { key, value } of items) {
    const name = readKey(walk, key, path);
    if (name === undefined) continue;
    const at = joinPath(path, name);
    if (Object.hasOwn(object, name)) refuse(walk, key as Node, at, 'stands twice');
    else object[name] = readNode(walk, value, at, depth + 1);
  }
  return object;
}

function readKey(walk: Walk, key: unknown, path: string): string | undefined {
  const { yaml } = walk;
  if (!yaml.isScalar(key) || findPropertyFault(key) !== undefined) {
    refuse(walk, key as Node, path, 'has a key that is no plain text');
    return undefined;
  }
  const name = key.source ?? '';
  if (name === '<<' && key.type === 'PLAIN') {
    refuse(walk, key, joinPath(path, name), 'is a merge key; write out what it would merge');
    return undefined;
  }
  const before = walk.problems.length;
  const meaning = readScalar(walk, key, joinPath(path, name));
  if (typeof meaning === 'string') return meaning;
  if (walk.problems.length === before)
    refuse(walk, key, joinPath(path, name), `is a key that is no text; write ${quote(name)}`);
  return undefined;
}

/** By the core schema of YAML 1.2, without what readers of 1.1 take for something else. */
function readScalar(walk: Walk, node: Scalar, path: string): Json {
  const text = String(node.value ?? '');
  if (node.type !== 'PLAIN') return text;
  if (/^(?:|~|null|Null|NULL)$/.test(text)) return null;
  if (/^(?:true|True|TRUE)$/.test(text)) return true;
  if (/^(?:false|False|FALSE)$/.test(text)) return false;
  const word = quote(text);
  if (BOOLEAN_LIKE.test(text))
    return refuse(walk, node, path, `is ${text}, which some readers take for a boolean; write ${word}`);
  const exact = DECIMAL.test(text) ? readExactNumber(text) : undefined;
  if (exact !== undefined || !NUMBER_LIKE.test(text)) return exact ?? text;
  return refuse(
    walk,
    node,
    path,
    `is ${text.slice(0, 60)}, a number that readers may disagree about; write a decimal, or ${word}`,
  );
}

function refuse(walk: Walk, node: Node | undefined | null, path: string, message: string): null {
  const at = node?.range?.[0];
  const where = at === undefined ? '' : ` (${place(walk, at)})`;
  if (walk.problems.length < MAX_PROBLEMS)
    walk.problems.push({ path: path === '' ? 'policy' : path, message: message + where });
  return null;
}

function refuseWhole(message: string): YamlReading {
  return { ok: false, problems: [{ path: 'policy', message }] };
}

function place({ lines }: Walk, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `line ${line}, column ${col}`;
}
