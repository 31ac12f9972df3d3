/** The walls of ARCHITECTURE.md: arrows between rooms, packages per room, what core may never touch. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface Room {
  /** Other rooms that it may import. */
  readonly rooms: readonly string[];
  /** Packages and builtins that it may import. */
  readonly packages: RegExp;
  /** A file of the room that others may be tempted to import. */
  readonly bait: string;
}

const ROOMS: Readonly<Record<string, Room>> = {
  core: { rooms: [], packages: /^@noble\/(ed25519|hashes\/[\w.]+)$/, bait: 'money.js' },
  store: { rooms: ['core'], packages: /^node:|^chokidar$|^yaml$/, bait: 'ledger.js' },
  guard: { rooms: ['core', 'store'], packages: /^node:crypto$/, bait: 'guard.js' },
  'stand-in': { rooms: ['core'], packages: /^node:/, bait: 'server.js' },
  openrouter: { rooms: ['core', 'store'], packages: /^node:timers\/promises$|^undici$/, bait: 'client.js' },
  server: {
    rooms: ['core', 'store'],
    packages: /^node:|^hono(\/.*)?$|^@hono\/node-server(\/.*)?$/,
    bait: 'index.js',
  },
  tui: { rooms: ['core', 'store'], packages: /^node:|^ink$|^react(\/jsx-runtime)?$/, bait: 'index.js' },
  web: {
    rooms: ['core'],
    packages: /^preact(\/hooks|\/jsx-runtime)?$|^@preact\/signals$|^uplot(\/.*)?$|\.css$/,
    bait: 'main.js',
  },
  cli: {
    rooms: ['core', 'store', 'guard', 'stand-in', 'openrouter', 'server', 'tui'],
    packages: /^node:|^commander$|^open$/,
    bait: 'main.js',
  },
};
const names = Object.keys(ROOMS);
/** Folders inside rooms, not rooms. */
const OWN_FOLDERS = new Set([
  'commands',
  ...[
    'state',
    'frame',
    'live',
    'spend',
    'receipt',
    'integrity',
    'policies',
    'verify',
    'verify-page',
    'snapshot',
  ],
]);

/** Every arrow that must not exist. */
const wrongArrows = names.flatMap((from) =>
  names.filter((to) => to !== from && !ROOMS[from]!.rooms.includes(to)).map((to) => ({ from, to })),
);

describe('a wrong arrow fails the build', () => {
  let copy = '';

  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), 'agentguard-arrows-'));
    for (const folder of ['src', 'web'])
      await cp(join(ROOT, folder), join(copy, folder), { recursive: true });
    for (const file of ['package.json', 'tsconfig.base.json', 'tsconfig.json'])
      await cp(join(ROOT, file), join(copy, file));
    await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    expect(await build(copy), 'the tree as it is must build').toEqual([]);
  }, 60_000);

  afterAll(() => rm(copy, { recursive: true, force: true }));

  it.each(wrongArrows)('$from → $to', async ({ from, to }) => {
    const errors = await buildPlanted(copy, from, `export * from '${pathTo(from, to)}/${ROOMS[to]!.bait}';`);
    // TS6059: outside the room. The plant exists, so "cannot find module" would be no proof.
    expect(errors).toContainEqual(expect.stringMatching(plantedError(from, 'TS6059')));
  });

  it.each([
    ["import { readFileSync } from 'node:fs'; export const x = readFileSync;", 'TS2591'],
    ["import 'node:fs';", 'TS\\d+'],
    ['export const x = process.pid;', 'TS2591'],
    ['export const x = document.title;', 'TS2584'],
    ['export const x = setTimeout;', 'TS2304'],
    ['export const x = crypto.getRandomValues;', 'TS2304'],
    ['export const x = performance.now();', 'TS2304'],
  ])('core → platform: %s', async (plant, code) => {
    const errors = await buildPlanted(copy, 'core', plant);
    expect(errors).toContainEqual(expect.stringMatching(plantedError('core', code)));
  });
});

/** What the compiler does not see: the package's own name, built files, packages of other rooms, ambient types pulled in. */
describe('every import of a room is one that it may have', () => {
  it.each(names)('%s', async (name) => {
    const room = ROOMS[name]!;
    for (const { path, text } of await readRoom(name)) {
      const strangers = listImports(text).filter((specifier) => !isAllowed(room, specifier));
      expect(strangers, path).toEqual([]);
      expect(text, `${path} pulls in ambient types`).not.toMatch(/\/\/\/\s*<reference/);
    }
  });

  it('finds the ones that it may not have', () => {
    const text = [
      `import OpenAI from 'openai';`,
      `import '@agentguard-run/spend';`,
      `export * from '../../dist/guard/index.js';`,
      `const late = await import('node:http');`,
      `import { x } from './x.js';`,
    ].join('\n');
    const strangers = listImports(text).filter((specifier) => !isAllowed(ROOMS.core!, specifier));
    expect(strangers).toEqual(['openai', '@agentguard-run/spend', '../../dist/guard/index.js', 'node:http']);
  });
});

/** Each with a line that breaks it, so that a rule that no longer matches anything is noticed. */
const FORBIDDEN = {
  core: [
    ['the clock', /\bDate\.now\b|\bnew Date\b(?!\()|\bnew Date\(\s*\)|(?<!new )\bDate\(/, 'new Date()'],
    ['randomness', /\bMath\.random\b|\bgetRandomValues\b|\brandomUUID\b/, 'Math.random()'],
    ['floats from text', /\bparseFloat\b/, 'Number.parseFloat(text)'],
    ['other places by `globalThis`', /\bglobalThis\b/, 'globalThis.process'],
  ],
  money: [
    ['money as a float', /\bNumber\([^)]*Usd\b|\bparseFloat\b/, 'Number(priceUsd)'],
    ['money by decimals of a float', /\.toFixed\(|\.toPrecision\(/, 'cost.toFixed(2)'],
    [
      'money times a float',
      /Usd\b\s*[*/]\s*\d+(\.\d+|e-?\d+)|Usd\b\s*[*/]\s*\d+(?![\d_]*n)\b/,
      'costUsd * 0.5',
    ],
  ],
} as const;

describe.each([
  { title: 'core never uses', rules: FORBIDDEN.core, rooms: ['core'] },
  { title: 'core and guard never treat', rules: FORBIDDEN.money, rooms: ['core', 'guard'] },
])('$title', ({ rules, rooms }) => {
  it.each(rules.map(([what, pattern, breach]) => ({ what, pattern, breach })))(
    '$what',
    async ({ pattern, breach }) => {
      expect(breach).toMatch(pattern);
      for (const room of rooms)
        for (const { path, text } of await readRoom(room)) expect(findLines(text, pattern), path).toEqual([]);
    },
  );
});

function folderOf(room: string): string {
  return room === 'web' ? 'web' : `src/${room}`;
}

function pathTo(from: string, to: string): string {
  return `${from === 'web' ? '../src' : to === 'web' ? '../..' : '..'}/${to}`;
}

function build(copy: string, room?: string): Promise<readonly string[]> {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const args = [tsc, '-b', ...(room ? [folderOf(room)] : []), '--pretty', 'false'];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: copy, maxBuffer: 1 << 24 }, (_error, stdout, stderr) => {
      resolve(`${stdout}${stderr}`.split('\n').filter((line) => line.includes('error')));
    });
  });
}

async function buildPlanted(copy: string, room: string, plant: string): Promise<readonly string[]> {
  const path = join(copy, folderOf(room), 'planted.ts');
  await writeFile(path, `${plant}\n`);
  try {
    return await build(copy, room);
  } finally {
    await rm(path);
  }
}

function plantedError(room: string, code: string): RegExp {
  return new RegExp(`^${folderOf(room)}/planted\\.ts\\(\\d+,\\d+\\): error ${code}:`);
}

async function readRoom(name: string): Promise<readonly { path: string; text: string }[]> {
  const folder = join(ROOT, folderOf(name));
  const files = (await readdir(folder, { recursive: true })).filter((file) => /\.tsx?$/.test(file));
  expect(files).not.toEqual([]);
  return Promise.all(
    files.map(async (file) => ({
      path: `${folderOf(name)}/${file}`,
      text: await readFile(join(folder, file), 'utf8'),
    })),
  );
}

/** Specifiers of imports, not those in programs that the source holds as text. */
function listImports(text: string): readonly string[] {
  const code = stripComments(text).replace(/`(?:\\[\s\S]|[^`\\])*`/g, '``');
  return Array.from(
    code.matchAll(
      /^(?:import|export)\b[^;'"]*\bfrom\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm,
    ),
    ([, from, bare, late]) => (from ?? bare ?? late)!,
  );
}

/** Own files, also one folder deeper, files of an allowed room, and the room's packages. */
function isAllowed(room: Room, specifier: string): boolean {
  if (!specifier.startsWith('.')) return room.packages.test(specifier);
  const [, target] = /^(?:\.\.\/)+(?:src\/)?([^/]+)\//.exec(specifier) ?? [];
  if (target === undefined) return /^(\.\/|\.\.\/[^/]+$)/.test(specifier);
  return room.rooms.includes(target) || (specifier.startsWith('../') && OWN_FOLDERS.has(target));
}

/** Matching lines outside comments. */
function findLines(text: string, pattern: RegExp): readonly string[] {
  return stripComments(text)
    .split('\n')
    .filter((line) => pattern.test(line));
}

function stripComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
}
