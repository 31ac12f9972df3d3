/**
 * Reads a key of a service without leaving it anywhere: from an environment variable that is named, or from standard
 * input. Never an argument, which every user of the machine can see, and never part of a message.
 */
import { usageError } from './cli-error.js';
import type { CommandContext } from './context.js';

const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** What may stand in a header; keys are far shorter. */
const KEY_SHAPE = /^[\x21-\x7e]{1,512}$/;
const MAX_INPUT_BYTES = 4_096;

/** The key in the variable that `flag` names. @throws CliError, which repeats neither name nor value */
export function readKeyVariable({ io }: CommandContext, flag: string, name: string): string {
  if (!VARIABLE_NAME.test(name))
    throw usageError(
      `${flag} takes the name of an environment variable, and what it was given cannot be one`,
      `put the key into a variable and give its name: ${flag} OPENROUTER_KEY`,
    );
  const value = io.env[name]?.trim() ?? '';
  // The name is not repeated: a key may stand in its place by mistake.
  if (value === '') throw usageError(`the environment variable that ${flag} names is not set`);
  return checkKey(value, `the environment variable that ${flag} names`);
}

/** The key in the first line of standard input. @throws CliError when there is none */
export async function readKeyInput({ io, notes }: CommandContext, hint: string): Promise<string> {
  if (notes.isTerminal) notes.line('Reading the key from standard input: one line.');
  let text = '';
  for await (const chunk of io.stdin) {
    text += Buffer.from(chunk).toString('latin1');
    if (text.includes('\n') || text.length > MAX_INPUT_BYTES) break;
  }
  const [line = ''] = text.split('\n', 1);
  if (line.trim() === '') throw usageError('there is no key: standard input is empty', hint);
  return checkKey(line.trim(), 'standard input');
}

function checkKey(key: string, where: string): string {
  if (KEY_SHAPE.test(key)) return key;
  throw usageError(`${where} holds something that is no key: one word of visible ASCII is needed`);
}
