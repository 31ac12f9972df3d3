/** The documents: links lead somewhere, every public name and every dependency has its line. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as verifyEntry from '../src/core/index.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

const documents = ['.', 'docs', 'bench'].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

describe('a link in a document leads somewhere', () => {
  it.each(documents)('%s', (path) => {
    const broken = listLinks(read(path)).filter((link) => !leadsSomewhere(path, link));
    expect(broken).toEqual([]);
  });

  it('and a broken one is noticed', () => {
    const text =
      '[a](docs/policy.md) [b](docs/none.md) [c](docs/policy.md#nowhere) [d](docs/policy.md#windows)';
    expect(listLinks(text).filter((link) => !leadsSomewhere('README.md', link))).toEqual([
      'docs/none.md',
      'docs/policy.md#nowhere',
    ]);
  });
});

describe('docs/api.md', () => {
  const text = read('docs/api.md');
  const guardNames = listExports(read('src/guard/index.ts'));

  it('names everything that the package exports', () => {
    expect(guardNames).toEqual(expect.arrayContaining(['withSpendGuard', 'GuardConfig', 'SpendGuard']));
    expect(guardNames.filter((name) => !isNamed(text, name))).toEqual([]);
  });

  it('names every value that its verify entry exports', () => {
    expect(Object.keys(verifyEntry).filter((name) => !isNamed(text, name))).toEqual(
      // Ours to make refusals with, nothing a verifier needs.
      [],
    );
  });

  it('names every option', () => {
    const options = read('src/guard/options.ts');
    for (const type of ['GuardConfig', 'GuardOptions', 'SigningKeys']) {
      const [, body = ''] =
        new RegExp(`export interface ${type} \\{\\n([\\s\\S]*?)\\n\\}`).exec(options) ?? [];
      const keys = Array.from(body.matchAll(/^ {2}readonly (\w+)\??:/gm), ([, key]) => key!);
      expect(keys.length, type).toBeGreaterThan(1);
      expect(keys.filter((key) => !isNamed(text, key))).toEqual([]);
    }
  });
});

it('every dependency has its reason in CONTRIBUTING.md, and nothing else is listed there', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json'));
  const tables = read('CONTRIBUTING.md').split('\n## Dependencies\n')[1]!;
  const [atRunTime = '', inDevelopment = ''] = tables.split('\n### For development\n');
  const rows = (part: string) => Array.from(part.matchAll(/^\| `([^`]+)` \|/gm), ([, name]) => name!).sort();
  expect(rows(atRunTime)).toEqual(Object.keys(dependencies).sort());
  expect(rows(inDevelopment)).toEqual(Object.keys(devDependencies).sort());
});

describe('the documents that people look for', () => {
  it('are all there, and the README leads to them', () => {
    const text = read('README.md');
    for (const path of [
      'ARCHITECTURE.md',
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'SECURITY.md',
      ...readdirSync(join(ROOT, 'docs'))
        .filter((name) => name !== 'images')
        .map((name) => `docs/${name}`),
    ])
      expect(listLinks(text)).toContain(path);
  });

  it('say of every room of the source what it must never do', () => {
    const text = read('ARCHITECTURE.md');
    const rooms = readdirSync(join(ROOT, 'src')).filter((name) =>
      statSync(join(ROOT, 'src', name)).isDirectory(),
    );
    for (const room of rooms) expect(text).toContain(`| \`src/${room}\` |`);
  });

  it('name only source files that exist', () => {
    for (const path of documents) {
      const named = Array.from(
        read(path).matchAll(/`((?:core|store|guard|stand-in|cli|openrouter)\/[\w/-]+\.ts)`/g),
        ([, file]) => file!,
      );
      expect(
        named.filter((file) => !existsSync(join(ROOT, 'src', file))),
        path,
      ).toEqual([]);
    }
  });
});

function listLinks(text: string): readonly string[] {
  const prose = text.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '');
  return Array.from(prose.matchAll(/\]\(([^)\s]+)\)/g), ([, link]) => link!);
}

/** Links within the repository only: nothing here asks the network. */
function leadsSomewhere(from: string, link: string): boolean {
  if (/^[a-z]+:/.test(link)) return link.startsWith('https://');
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? join(ROOT, from) : join(ROOT, dirname(from), path);
  if (relative(ROOT, target).startsWith('..') || !existsSync(target)) return false;
  return anchor === undefined || listAnchors(readFileSync(target, 'utf8')).includes(anchor);
}

/** Headings as their addresses: lower case, no punctuation, dashes for spaces. */
function listAnchors(text: string): readonly string[] {
  return Array.from(text.matchAll(/^#+ (.+)$/gm), ([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  );
}

function listExports(text: string): readonly string[] {
  const lists = Array.from(text.matchAll(/^export (?:type )?\{([^}]*)\}/gm), ([, list]) => list!);
  return lists.flatMap((list) =>
    list
      .split(',')
      .map((item) => item.trim().replace(/^type /, ''))
      .filter(Boolean),
  );
}

function isNamed(text: string, name: string): boolean {
  return new RegExp(`\`[^\`]*\\b${name}\\b[^\`]*\``).test(text);
}
