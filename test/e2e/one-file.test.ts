/** The one-file page: the same sources give the same bytes, and nothing in it points outside. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildOneFile } from '../../vite.one-file.js';

const BUILT = readFileSync(new URL('../../dist/web/verify.html', import.meta.url), 'utf8');

describe('the one-file page', () => {
  it('has one SHA-256 however often it is built', async () => {
    const again = await buildOneFile({ html: 'verify.html', entry: 'verify-page/main.ts' });
    const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
    expect(hash(again)).toBe(hash(BUILT));
  }, 30_000);

  it('names the hashes of its own script and style, and may connect to nothing', () => {
    const [, policy = ''] = /Content-Security-Policy" content="([^"]*)"/.exec(BUILT) ?? [];
    const [, script = ''] = /<script>([\s\S]*?)<\/script>/.exec(BUILT) ?? [];
    const [, style = ''] = /<style>([\s\S]*?)<\/style>/.exec(BUILT) ?? [];
    const hash = (text: string): string => createHash('sha256').update(text).digest('base64');
    expect(script.length).toBeGreaterThan(10_000);
    expect(policy.split('; ')).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "connect-src 'none'",
        `script-src 'sha256-${hash(script)}'`,
        `style-src 'sha256-${hash(style)}'`,
        "require-trusted-types-for 'script'",
      ]),
    );
    expect(policy).not.toContain('unsafe');
  });

  it('holds no address to load from, and no path of the machine it was built on', () => {
    expect(BUILT).not.toMatch(/<(?:script|link|img)[^>]+(?:src|href)="(?!data:)/);
    expect(BUILT).not.toMatch(/url\((?!["']?data:)/);
    expect(BUILT).not.toContain(process.cwd());
  });
});
