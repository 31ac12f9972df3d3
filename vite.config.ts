import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { oneFilePages } from './vite.one-file.js';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/**
 * The pages of `web/`, bundled into `dist/web`: the dashboard, everything from its own origin and nothing inlined; and the
 * page that verifies and that of snapshots, which are one file each.
 */
export default defineConfig({
  root: at('web'),
  base: './',
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [
    oneFilePages([
      { html: 'verify.html', entry: 'verify-page/main.ts', out: at('dist/web/verify.html') },
      { html: 'snapshot.html', entry: 'snapshot/main.ts', out: at('dist/web/snapshot.html') },
    ]),
  ],
  build: {
    outDir: at('dist/web'),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2023',
  },
});
