/** Prints chat requests as the templates of models do, and counts the tokens of what they print. */
import { countTokens as countCl100k } from 'gpt-tokenizer/encoding/cl100k_base';
import { countTokens as countO200k } from 'gpt-tokenizer/encoding/o200k_base';

export interface ChatMessage {
  readonly role: string;
  readonly content?: string | null | readonly { readonly type: string; readonly text: string }[];
  readonly name?: string;
  readonly tool_calls?: readonly {
    readonly function: { readonly name: string; readonly arguments: string };
  }[];
}

type Schema = { readonly [key: string]: unknown };

export interface Tool {
  readonly type: 'function';
  readonly function: { readonly name: string; readonly description?: string; readonly parameters?: Schema };
}

export interface ChatBody {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly Tool[];
}

/** Text, and how many special tokens stand around it. */
interface Printed {
  readonly text: string;
  readonly specials: number;
}

/** Texts as they are, even where they look like special tokens. */
const AS_TEXT = { disallowedSpecial: new Set<string>() };
const COUNTERS = { o200k: countO200k, cl100k: countCl100k };
/** What a template may say about tools before it lists them. */
const PREAMBLE = 'You have access to the following functions. To call one, answer with JSON. '.repeat(20);

/** Tokens of a request by template and tokenizer. */
export function countChatTokens(body: ChatBody): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const [template, print] of Object.entries(TEMPLATES))
    for (const [name, count] of Object.entries(COUNTERS)) {
      const { text, specials } = print(body);
      counts[`${template}, ${name}`] = count(text, AS_TEXT as never) + specials;
    }
  return counts;
}

const TEMPLATES: Readonly<Record<string, (body: ChatBody) => Printed>> = {
  'tools as types': ({ messages, tools = [] }) => printChat(messages, printTypes(tools), (text) => text),
  'tools as JSON on many lines': ({ messages, tools = [] }) =>
    printChat(messages, tools.map((tool) => JSON.stringify(tool, null, 4)).join('\n\n'), printSpaced),
  'tools as escaped JSON': ({ messages, tools = [] }) =>
    printChat(messages, tools.map((tool) => escapeLetters(JSON.stringify(tool))).join('\n'), printSpaced),
};

function printChat(
  messages: readonly ChatMessage[],
  tools: string,
  printArguments: (text: string) => string,
): Printed {
  const head = tools === '' ? '' : `system\n${PREAMBLE}\n\n${tools}\n`;
  const turns = messages.map(({ role, name, content, tool_calls = [] }) => {
    const calls = tool_calls.map(
      (call) => `${call.function.name}\n${printArguments(call.function.arguments)}`,
    );
    const words = typeof content === 'string' ? content : (content ?? []).map((part) => part.text).join('');
    return `${role}${name === undefined ? '' : `:${name}`}\n${words}\n${calls.join('\n')}\n`;
  });
  // A mark before and after each turn, and before the answer; one more for each call.
  const calls = messages.reduce((sum, message) => sum + (message.tool_calls?.length ?? 0), 0);
  return { text: `${head}${turns.join('')}assistant\n`, specials: 3 * (messages.length + 2) + 2 * calls };
}

/** `namespace functions { type look = (_: { city: string, }) => any; }` */
function printTypes(tools: readonly Tool[]): string {
  const types = tools.map(({ function: { name, description, parameters } }) => {
    const shape = parameters ? `_: ${printType(parameters, 0)}` : '';
    return `${description === undefined ? '' : `// ${description}\n`}type ${name} = (${shape}) => any;\n`;
  });
  return types.length === 0 ? '' : `## functions\n\nnamespace functions {\n\n${types.join('\n')}\n}`;
}

function printType(schema: Schema, depth: number): string {
  const {
    type,
    enum: values,
    properties,
    items,
    required,
  } = schema as {
    type?: string;
    enum?: unknown[];
    properties?: Record<string, Schema>;
    items?: Schema;
    required?: string[];
  };
  if (values) return values.map((value) => JSON.stringify(value)).join(' | ');
  if (type === 'array') return `${printType(items ?? {}, depth)}[]`;
  if (!properties) return type ?? 'any';
  const space = '  '.repeat(depth);
  const fields = Object.entries(properties).map(([name, inner]) => {
    const words = inner.description === undefined ? '' : `${space}// ${String(inner.description)}\n`;
    const mark = required?.includes(name) ? '' : '?';
    return `${words}${space}${name}${mark}: ${printType(inner, depth + 1)},\n`;
  });
  return `{\n${fields.join('')}${space}}`;
}

/** JSON with a space after each separator. What is not JSON stays. */
function printSpaced(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 1).replace(/\n */g, ' ');
  } catch {
    return text;
  }
}

function escapeLetters(text: string): string {
  return text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
