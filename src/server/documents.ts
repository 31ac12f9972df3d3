/**
 * The built page as files to send: a fixed table made at the start, so that no path of a request ever becomes a path of a
 * file. Nothing in it is data; each document has a content policy of its own.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';

/** Where the package keeps the built page. */
export const PAGE_FOLDER = new URL('../web/', import.meta.url);

/** The page may load and ask its own origin only, and never makes markup out of text. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types agentguard',
].join('; ');

/** For a document that names its own policy in its head, as the page that checks proofs does: what only a header can say. */
const OWN_POLICY = "frame-ancestors 'none'";

/** A worker may ask nobody. Not sandboxed: its origin would be an opaque one, where browsers have no WebCrypto. */
const SCRIPT_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Path of a request → its file and content policy. The only documents there are. */
const DOCUMENTS: Readonly<Record<string, { readonly file: string; readonly policy: string }>> = {
  '/': { file: 'index.html', policy: PAGE_POLICY },
  '/verify': { file: 'verify.html', policy: OWN_POLICY },
};

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json',
};

export interface StaticFile {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

/** What lies under a path, exactly as it stands in the request; `undefined` when nothing does. */
export type FindFile = (pathname: string) => StaticFile | undefined;

/** Reads the names of all files once and each file when it is first asked for. A page that is not built has no files. */
export function openDocuments(folder: URL | string = PAGE_FOLDER): FindFile {
  const root = typeof folder === 'string' ? folder : folder.pathname;
  const entries = new Map<string, { readonly file: string; readonly headers: StaticFile['headers'] }>();
  const files = new Set(listFiles(root));
  for (const file of files) {
    const type = TYPES[extname(file)];
    if (type === undefined || file.endsWith('.html')) continue;
    // Names in this folder change with their content.
    const cache = file.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
    const policy = type.startsWith('text/javascript') ? { 'Content-Security-Policy': SCRIPT_POLICY } : {};
    entries.set(`/${file}`, { file, headers: { 'Content-Type': type, 'Cache-Control': cache, ...policy } });
  }
  for (const [path, { file, policy }] of Object.entries(DOCUMENTS)) {
    if (!files.has(file)) continue;
    const headers = {
      'Content-Type': TYPES['.html'] ?? '',
      'Cache-Control': 'no-cache',
      'Content-Security-Policy': policy,
    };
    entries.set(path, { file, headers });
  }
  const bodies = new Map<string, Uint8Array<ArrayBuffer>>();
  return (pathname) => {
    const entry = entries.get(pathname);
    if (!entry) return undefined;
    const body = bodies.get(entry.file) ?? readFileSync(join(root, entry.file));
    bodies.set(entry.file, body);
    return { body, headers: entry.headers };
  };
}

function listFiles(root: string): string[] {
  try {
    return readdirSync(root, { recursive: true, encoding: 'utf8' }).map((file) => file.replaceAll('\\', '/'));
  } catch {
    return [];
  }
}
