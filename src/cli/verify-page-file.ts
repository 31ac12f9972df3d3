/** The page that verifies receipts, as it was built: one file, and the same with receipts of somebody enclosed. */
import { readFileSync } from 'node:fs';
import { CliError } from './cli-error.js';
import { EXIT_CODES } from './exit-codes.js';

/** A file for the page to verify as soon as it is opened. */
export interface EnclosedFile {
  readonly name: string;
  readonly text: string;
}

// The same place seen from the sources and from what is built of them.
const PAGE = new URL('../../dist/web/verify.html', import.meta.url);

/** The page as it is published. @throws CliError in a checkout that was not built */
export function readVerifyPage(): string {
  try {
    return readFileSync(PAGE, 'utf8');
  } catch {
    throw new CliError(EXIT_CODES.unreadable, 'the verify page is not built here', 'npm run build makes it');
  }
}

/**
 * The page with files inside, on the line after `<body>`: without that line, it is the page as it is published, byte for
 * byte. docs/verifying.md takes the line out only if it is this one element: another could show what its maker wants.
 */
export function encloseFiles(page: string, files: readonly EnclosedFile[]): string {
  // No text can end the element or start another one; a block of data needs no hash in the page's policy.
  const data = JSON.stringify(files).replaceAll('<', '\\u003c');
  return page.replace(
    '<body>\n',
    (body) => `${body}<script type="application/json" id="enclosed">${data}</script>\n`,
  );
}
