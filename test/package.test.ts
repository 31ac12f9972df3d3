/** The package as it is published: what is in the tarball, and what works where it is installed. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, ROOT, runNode } from './helpers/consumer.js';
import { makeHome } from './helpers/home.js';

const NAME = '@agentguard-run/spend';
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** One folder for all tests: packing builds, and installing asks npm. */
let work = '';
let files: readonly string[] = [];
let tarball = '';
let project = '';
let installed = '';

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'agentguard-package-'));
  const tree = join(work, 'tree');
  // A copy, because packing starts with deleting what was built, and other tests use that.
  for (const entry of await listPackable())
    await cp(join(ROOT, entry), join(tree, entry), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
  const [packed] = JSON.parse((await npm(tree, ['pack', '--json', '--pack-destination', work])).stdout);
  files = packed.files.map((file: { path: string }) => file.path);
  tarball = join(work, basename(packed.filename));
  project = join(work, 'project');
  await mkdir(project);
  await writeFile(join(project, 'package.json'), '{ "private": true }\n');
  await npm(project, ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', tarball]);
  installed = join(project, 'node_modules', NAME);
}, 180_000);

afterAll(() => rm(work, { recursive: true, force: true }));

describe('the tarball', () => {
  it('holds the built package and its documents, and nothing else', () => {
    const allowed =
      /^(bin\/agentguard\.js|dist\/.+\.(js|d\.ts)|dist\/web\/(index\.html|[\w-]+\.html|assets\/[\w-]+\.(js|css|svg))|docs\/[\w-]+\.md|schema\/policy\.schema\.json|README\.md|CHANGELOG\.md|LICENSE|package\.json)$/;
    expect(files.filter((file) => !allowed.test(file))).toEqual([]);
    for (const file of [
      'bin/agentguard.js',
      'dist/guard/index.js',
      'dist/core/index.d.ts',
      'dist/cli/main.js',
      'LICENSE',
    ])
      expect(files).toContain(file);
  });

  it('holds one shipped file for one source file', () => {
    const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
    const expected = sources
      .filter((file) => /\.tsx?$/.test(file))
      .map((file) => `dist/${file.replace(/\.tsx?$/, '.js')}`);
    expect(files.filter((file) => /^dist\/(?!web\/)/.test(file) && file.endsWith('.js')).sort()).toEqual(
      expected.sort(),
    );
  });

  it('is small: below 1.5 MB packed', () => {
    expect(readFileSync(tarball).length).toBeLessThan(1_500_000);
  });

  it('runs nothing when it is installed', () => {
    const shipped = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    for (const script of ['preinstall', 'install', 'postinstall', 'prepare'])
      expect(shipped.scripts).not.toHaveProperty(script);
    const lock = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8'));
    const scripted = Object.entries<{ hasInstallScript?: boolean }>(lock.packages).filter(
      ([, one]) => one.hasInstallScript,
    );
    expect(scripted).toEqual([]);
  });

  it('says which Node it needs, and has types for every entry', () => {
    expect(manifest.engines).toEqual({ node: '>=20.19.0' });
    for (const entry of ['.', './verify']) {
      const { types, default: code } = manifest.exports[entry];
      expect(files).toContain(types.slice(2));
      expect(files).toContain(code.slice(2));
    }
  });

  it('has nothing that publint complains about', async () => {
    const { messages } = await publint({ pkgDir: installed, strict: true });
    expect(messages.map((message) => formatMessage(message, manifest, { color: false }))).toEqual([]);
  });
});

describe('where it is installed, alone', () => {
  it('brings exactly the packages that CONTRIBUTING.md counts', () => {
    const table = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8')
      .split('### At run time')[1]!
      .split('###')[0]!;
    const counts = Array.from(table.matchAll(/^\| `[^`]+` \|(?:[^|]*\|){3} (\d+) \|/gm), ([, count]) =>
      Number(count),
    );
    const { packages } = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8'));
    const others = Object.keys(packages).filter((path) => path !== '' && path !== `node_modules/${NAME}`);
    expect(counts.length).toBeGreaterThan(0);
    expect(others).toHaveLength(counts.reduce((sum, count) => sum + count, 0));
    expect(existsSync(join(project, 'node_modules/openai'))).toBe(false);
  });

  it('its entries can be imported, and nothing behind them', async () => {
    const ok = await evaluate(`
      const guard = await import('${NAME}');
      const verify = await import('${NAME}/verify');
      console.log(typeof guard.withSpendGuard, typeof verify.verifyChain, guard.verifyChain === verify.verifyChain);`);
    expect(ok).toMatchObject({ code: 0, stdout: 'function function true\n' });
    const inside = await evaluate(`await import('${NAME}/dist/store/ledger.js')`);
    expect(inside.code).toBe(1);
    expect(inside.stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });

  it('its command says its version', async () => {
    expect((await npm(project, ['exec', '--no', '--', 'agentguard', '--version'])).stdout).toBe(
      `${manifest.version}\n`,
    );
  });

  it('its demo runs to the end, without the openai package', async () => {
    const home = await makeHome();
    const bin = join(project, 'node_modules/.bin/agentguard');
    const demo = await runNode([bin, 'demo', '--no-open'], project, { AGENTGUARD_HOME: home });
    expect(demo.code, demo.stderr).toBe(0);
    expect(existsSync(join(home, 'demo/decisions.ndjson'))).toBe(true);
  });

  it('its verify entry loads no builtin of Node, and no package but noble', () => {
    const { builtins, packages, modules } = walkImports(join(installed, 'dist/core/index.js'));
    expect(modules).toBeGreaterThan(10);
    expect(builtins).toEqual([]);
    expect(packages).toEqual(['@noble/ed25519', '@noble/hashes']);
  });

  it('its guard loads neither the command line nor what only that needs', () => {
    const { packages } = walkImports(join(installed, 'dist/guard/index.js'));
    expect(packages).toEqual(['@noble/ed25519', '@noble/hashes']);
  });
});

describe('a checkout that is not built', () => {
  it('says how to build it, and ends with 3', async () => {
    const folder = await makeHome();
    await cp(join(ROOT, 'bin'), join(folder, 'bin'), { recursive: true });
    expect(await runNode(['bin/agentguard.js', 'verify'], folder)).toEqual({
      code: 3,
      stdout: '',
      stderr: expect.stringMatching(/not built[\s\S]*npm run build/),
    });
  });
});

/** What the packing needs, from the manifest: so that an entry of `files` that is not there is noticed. */
async function listPackable(): Promise<readonly string[]> {
  const named = manifest.files.filter((file: string) => !file.startsWith('!') && file !== 'dist');
  expect(named.filter((file: string) => !existsSync(join(ROOT, file)))).toEqual([]);
  // The tests' own folder and stray files come along, so that it is `files` which keeps them out.
  return [
    ...named,
    'src',
    'web',
    'vite.config.ts',
    'vite.one-file.ts',
    'test/helpers',
    'package.json',
    'tsconfig.json',
    'tsconfig.base.json',
    'biome.json',
  ];
}

function npm(cwd: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)('npm', [...args, '--loglevel', 'error'], { cwd, maxBuffer: 1 << 24 });
}

function evaluate(code: string): Promise<Ended> {
  return runNode(['--input-type=module', '-e', code], project);
}

/** Follows static and dynamic imports from one file through the installed packages. */
function walkImports(entry: string) {
  const seen = new Set<string>();
  const builtins = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const code = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
    for (const [, from, bare, late] of code.matchAll(
      /\bfrom\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm,
    )) {
      const specifier = (from ?? bare ?? late)!;
      if (specifier.startsWith('.')) visit(join(dirname(file), specifier));
      else if (specifier.startsWith('@noble/')) {
        packages.add(specifier.split('/').slice(0, 2).join('/'));
        visit(resolveNoble(specifier));
      } else if (specifier.startsWith('node:')) builtins.add(specifier);
      else packages.add(specifier);
    }
  };
  visit(entry);
  return { builtins: [...builtins], packages: [...packages].sort(), modules: seen.size };
}

function resolveNoble(specifier: string): string {
  const [scope, name, path = 'index.js'] = specifier.split('/');
  return join(project, 'node_modules', scope!, name!, path);
}
