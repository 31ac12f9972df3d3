/** A receipt for somebody else: as a link with the receipt in its fragment, and as a page with the receipt inside. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import { encodeUtf8 } from '../core/bytes.js';
import { isVerifyUrl } from '../core/config.js';
import { encodeShareFragment, type SharedReceipt } from '../core/share-link.js';
import { DEFAULT_PORT, findRunning } from '../server/index.js';
import { readConfigFile } from '../store/config-file.js';
import { usageError } from './cli-error.js';
import { type CommandContext, suggest } from './context.js';
import { openExportTarget } from './export-target.js';
import { paint } from './print.js';
import { encloseFiles, readVerifyPage } from './verify-page-file.js';

/** A row, and the proof with the row inside where a checkpoint counts it. */
export interface ShareableRow {
  readonly id: string;
  readonly line: Uint8Array;
  readonly proof: string | undefined;
}

const deflate = promisify(deflateRaw);
/** Longer addresses are cut by programs that pass them on. */
const LONG_LINK_CHARS = 8_000;

/** Prints the link. Where nobody said where the page is hosted, it leads to this machine's dashboard. */
export async function printShareLink(context: CommandContext, row: ShareableRow): Promise<void> {
  const { out, notes, json } = context;
  const verifyUrl = await findVerifyUrl(context);
  const fragment = await encodeShareFragment(asShared(row), async (bytes, dictionary) => ({
    data: await deflate(bytes, { level: 9, dictionary }),
    primed: true,
  }));
  const link = `${verifyUrl ?? (await findLocalPage(context))}#${fragment}`;
  if (json) out.json({ link, hosted: verifyUrl !== undefined, proof: row.proof !== undefined });
  else context.io.stdout.write(`${link}\n`);
  const note = (text: string): void => notes.line(['agentguard: ', paint('yellow', 'note'), `: ${text}`], 2);
  if (context.quiet) return;
  if (row.proof === undefined)
    note(
      `no checkpoint counts the row yet, so the link carries no proof (${suggest(context, 'checkpoint')})`,
    );
  if (verifyUrl === undefined) {
    note(
      'the link works on this machine only, while agentguard serve runs: no verifyUrl says where the page is hosted',
    );
    note(`a file that works anywhere: ${suggest(context, `receipt ${row.id} --html --out receipt.html`)}`);
  }
  if (link.length > LONG_LINK_CHARS)
    note(`${link.length} characters are more than some programs pass on: --html makes a file`);
}

/** Writes the page with the receipt inside. @throws CliError when it cannot be written */
export async function writeShareFile(
  context: CommandContext,
  row: ShareableRow,
  out: string | undefined,
): Promise<void> {
  if (out === undefined && context.io.stdout.isTerminal)
    throw usageError('--html makes a whole page', 'name a file for it: --out receipt.html');
  const shared = asShared(row);
  const enclosed = {
    name: shared.kind === 'proof' ? 'receipt.tlog-proof' : 'receipt.ndjson',
    text: row.proof ?? lineOf(row),
  };
  const target = await openExportTarget(context, out);
  try {
    await target.write(encloseFiles(readVerifyPage(), [enclosed]));
    await target.finish();
  } catch (error) {
    await target.discard();
    throw error;
  }
  if (target.path === undefined) return;
  if (context.json)
    context.out.json({ path: target.path, sizeBytes: target.bytes, proof: row.proof !== undefined });
  else if (!context.quiet) context.out.line(target.path);
}

function lineOf({ line }: ShareableRow): string {
  return `${Buffer.from(line).toString('utf8')}\n`;
}

function asShared({ line, proof }: ShareableRow): SharedReceipt {
  return proof === undefined ? { kind: 'receipt', bytes: line } : { kind: 'proof', bytes: encodeUtf8(proof) };
}

/** The page of the dashboard that runs on the home, or of one that would be started. */
async function findLocalPage({ home }: CommandContext): Promise<string> {
  // Asking makes the file where there is none.
  const mayRun = existsSync(join(home, 'serve.json'));
  const running = mayRun ? await findRunning(home, null, undefined).catch(() => undefined) : undefined;
  return `${running?.url ?? `http://localhost:${DEFAULT_PORT}/`}verify`;
}

/** Where the page is hosted: the variable, else the setting. */
async function findVerifyUrl({ io, home }: CommandContext): Promise<string | undefined> {
  const named = io.env.AGENTGUARD_VERIFY_URL;
  if (!named) return (await readConfigFile(home)).verifyUrl;
  if (isVerifyUrl(named)) return named;
  throw usageError(
    `AGENTGUARD_VERIFY_URL is no address of a page: ${JSON.stringify(named.slice(0, 100))}`,
    'such as https://verify.example.org/',
  );
}
