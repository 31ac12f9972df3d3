/** `agentguard verify-page`: the page that verifies receipts, as a file or as a folder to host (docs/cli.md). */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { OptionValues } from 'commander';
import { explainSystemError, unreadableError, usageError } from '../cli-error.js';
import type { CommandContext } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';
import { openExportTarget } from '../export-target.js';
import { dim } from '../print.js';
import { readVerifyPage } from '../verify-page-file.js';

/** Runs `verify-page`. @throws CliError when nothing can be written there */
export async function runVerifyPage(context: CommandContext, options: OptionValues): Promise<ExitCode> {
  if (options.out === undefined)
    throw usageError(
      'verify-page writes a file or a folder',
      'agentguard verify-page --out verify.html, or --out a folder to host',
    );
  const page = readVerifyPage();
  const path = await locate(context, String(options.out));
  const target = await openExportTarget(context, path);
  try {
    await target.write(page);
    await target.finish();
  } catch (error) {
    await target.discard();
    throw error;
  }
  const sha256 = createHash('sha256').update(page).digest('hex');
  if (context.json) context.out.json({ path, sha256, sizeBytes: target.bytes });
  else if (!context.quiet) {
    context.out.line([path, dim(`  ${Math.ceil(target.bytes / 1000)} kB`)], 2);
    context.out.line(['SHA-256 ', sha256], 2);
  }
  return EXIT_CODES.ok;
}

/** A name that ends in .html is the file; another one is a folder, made where it is not there, for a server to send. */
async function locate({ io }: CommandContext, out: string): Promise<string> {
  const path = resolve(io.cwd, out);
  if (/\.html?$/i.test(path)) return path;
  await fs.mkdir(path, { recursive: true }).catch((cause: Error) => {
    throw unreadableError(`${path} ${explainSystemError(cause)}`);
  });
  return join(path, 'index.html');
}
