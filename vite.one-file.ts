/**
 * Builds a page of `web/` into one file that works from disk with the network off: script, style and thread inside, and a
 * content policy of its own that names their hashes. The same sources give the same bytes.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type InlineConfig, type Plugin } from 'vite';

const WEB = fileURLToPath(new URL('web', import.meta.url));

export interface OneFilePage {
  /** The document in `web/`, whose only script is the module that starts the page. */
  readonly html: string;
  /** That module. */
  readonly entry: string;
  /** The file to write. */
  readonly out: string;
}

/** Builds the pages beside the main build, after it emptied the folder. */
export function oneFilePages(pages: readonly OneFilePage[]): Plugin {
  return {
    name: 'agentguard-one-file',
    apply: 'build',
    async closeBundle() {
      for (const page of pages) {
        mkdirSync(dirname(page.out), { recursive: true });
        writeFileSync(page.out, await buildOneFile(page));
      }
    },
  };
}

/** The whole text of the file. */
export async function buildOneFile({ html, entry }: Omit<OneFilePage, 'out'>): Promise<string> {
  const { script, style } = await bundle(join(WEB, entry));
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(script)}'`,
    `style-src '${hashOf(style)}'`,
    "connect-src 'none'",
    'img-src data:',
    'worker-src blob:',
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types agentguard',
  ].join('; ');
  const meta = `<meta http-equiv="Content-Security-Policy" content="${policy}" />`;
  // Replacements as functions: a text may hold "$&".
  return readFileSync(join(WEB, html), 'utf8')
    .replace(/(<meta charset="utf-8" \/>)/, (charset) => `${charset}\n    ${meta}`)
    .replace(/\s*<link rel="stylesheet"[^>]*>/, '')
    .replace('</head>', () => `  <style>${style}</style>\n  </head>`)
    .replace(/<script type="module"[^>]*><\/script>/, () => `<script>${script}</script>`);
}

async function bundle(entry: string): Promise<{ readonly script: string; readonly style: string }> {
  const built = await build(configure(entry, [threadInside()]));
  const { output } = (Array.isArray(built) ? built[0] : built) as { readonly output: readonly BuiltFile[] };
  let [script, style] = ['', ''];
  for (const file of output) {
    if (file.type === 'chunk') script += file.code ?? '';
    else if (file.fileName.endsWith('.css')) style += String(file.source);
  }
  // Neither may end its own element, nor start a comment in it.
  const escaped = script
    .trim()
    .replaceAll(/<\/(?=script)/gi, '<\\/')
    .replaceAll('<!--', '<\\!--');
  return { script: escaped, style: style.trim().replaceAll(/<\/(?=style)/gi, '<\\/') };
}

interface BuiltFile {
  readonly type: 'chunk' | 'asset';
  readonly fileName: string;
  readonly code?: string;
  readonly source?: string | Uint8Array;
}

function configure(entry: string, plugins: Plugin[]): InlineConfig {
  return {
    configFile: false,
    root: WEB,
    mode: 'production',
    logLevel: 'warn',
    plugins,
    // Whatever the environment says, a build is the build that is published.
    define: {
      'process.env.NODE_ENV': '"production"',
      'import.meta.resolve': 'undefined',
      'import.meta.url': '""',
    },
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact', development: false } },
    build: {
      write: false,
      target: 'es2023',
      cssCodeSplit: false,
      modulePreload: false,
      rolldownOptions: { input: entry, output: { format: 'iife', codeSplitting: false } },
    },
  };
}

const THREAD = '\0agentguard-thread:';

/** A thread's script as a blob: a file from disk may load no other. */
function threadInside(): Plugin {
  return {
    name: 'agentguard-thread-inside',
    enforce: 'pre',
    async resolveId(source, importer) {
      if (!source.endsWith('?worker&url')) return undefined;
      const file = await this.resolve(source.replace('?worker&url', ''), importer);
      return file && THREAD + file.id;
    },
    async load(id) {
      if (!id.startsWith(THREAD)) return undefined;
      const { script } = await bundle(id.slice(THREAD.length));
      const text = JSON.stringify(script);
      return `export default URL.createObjectURL(new Blob([${text}], { type: 'text/javascript' }));`;
    },
  };
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
