/** The one scope that a command is about: named, or the only one of the home. */

import * as fs from 'node:fs';
import { listFullParts } from '../store/ledger-parts.js';
import { listScopes, type ScopePaths } from '../store/paths.js';
import { unreadableError, usageError } from './cli-error.js';
import type { CommandContext } from './context.js';
import { shorten } from './print.js';

/** Scopes that have a ledger. @throws CliError when there is none, or none of that name */
export async function chooseLedgerScopes(
  context: CommandContext,
  name?: string,
): Promise<readonly ScopePaths[]> {
  const scopes = (await listScopes(context.home)).filter(hasLedger);
  if (scopes.length === 0)
    throw unreadableError(`there is no ledger in ${context.home}`, 'name another home with --home');
  if (name === undefined) return scopes;
  const found = scopes.filter(({ scope }) => scope === name);
  if (found.length > 0) return found;
  const known = scopes.slice(0, 5).map(({ scope }) => shorten(scope, 40));
  throw unreadableError(
    `there is no ledger of a scope ${JSON.stringify(name)}`,
    `known are ${known.join(', ')}`,
  );
}

/** @throws CliError also when there are several and none was named */
export async function chooseLedgerScope(context: CommandContext, name?: string): Promise<ScopePaths> {
  const [scope, ...others] = await chooseLedgerScopes(context, name);
  if (scope && others.length === 0) return scope;
  throw usageError(`there are ${others.length + 1} scopes with a ledger`, 'name one with --scope');
}

function hasLedger({ ledger, folder }: ScopePaths): boolean {
  return fs.existsSync(ledger) || listFullParts(folder).length > 0;
}
