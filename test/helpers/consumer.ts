/** A project of somebody who uses the built package: TypeScript, `openai`, and OpenRouter led to a stand-in. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeHome } from './home.js';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const BIN = join(ROOT, 'bin/agentguard.js');
const REDIRECT = fileURLToPath(new URL('../fixtures/redirect-openrouter.mjs', import.meta.url));
/** Longer than any program here takes, so what is killed did not end by itself. */
const TIMEOUT_MS = 25_000;

export interface Ended {
  /** `null`: it was killed, because it did not end by itself. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Makes the project folder with links to packages of ours. Removed after the test. */
export async function makeConsumer(): Promise<string> {
  if (!existsSync(join(ROOT, 'dist/guard/index.js'))) throw new Error('not built: npm run build');
  const folder = await makeHome();
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  const modules = join(folder, 'node_modules');
  for (const name of ['openai', '@noble/ed25519', '@types/node', 'undici-types'])
    await link(join(ROOT, 'node_modules', name), join(modules, name));
  await link(ROOT, join(modules, '@agentguard-run/spend'));
  return folder;
}

async function link(target: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await symlink(target, path, 'dir');
}

/** Type-checks sources as strictly as the compiler can, declarations of ours included, and compiles them. */
export async function compile(folder: string, sources: Readonly<Record<string, string>>): Promise<Ended> {
  for (const [name, text] of Object.entries(sources)) await writeFile(join(folder, name), text);
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    target: 'ES2023',
    module: 'NodeNext',
    types: ['node'],
    // Ours are read through a link, so they count as sources of the project and are checked.
    skipLibCheck: false,
  };
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: Object.keys(sources) }),
  );
  return runNode([join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder, '--pretty', 'false'], folder);
}

/** Runs a program of the project against a stand-in, with a home and an API key of its own. */
export function runConsumer(
  folder: string,
  file: string,
  { home, standIn }: { readonly home: string; readonly standIn: string },
): Promise<Ended> {
  const env = {
    AGENTGUARD_HOME: home,
    OPENROUTER_API_KEY: 'sk-or-v1-not-a-real-key',
    STAND_IN: new URL(standIn).origin,
  };
  return runNode(['--import', REDIRECT, file], folder, env);
}

/** Runs the built command line. */
export function runBin(args: readonly string[], home: string): Promise<Ended> {
  return runNode([BIN, ...args], home, { AGENTGUARD_HOME: home });
}

/** Runs Node until it ends, or kills it. Never rejects. */
export function runNode(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const options = { cwd, timeout: TIMEOUT_MS, env: { ...process.env, NO_COLOR: '1', ...env } };
  return new Promise((resolve) => {
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : null) : 0;
      resolve({ code, stdout, stderr });
    });
  });
}
