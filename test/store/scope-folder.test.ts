import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeScopeName, encodeScopeName } from '../../src/store/index.js';

const NOT_FOLDERS = [
  '',
  '.',
  '..',
  '.acme',
  'Acme',
  'acme.eu',
  'acme/eu',
  'a%2Fb',
  'a%2',
  'a%',
  '%61cme',
  'con',
  'lock',
  'a b',
  '%ff',
  '%00',
  '.instances',
  'é',
  'a%2f%2E%2e',
];
const TRICKS = [
  '.',
  '..',
  '../evil',
  '../../etc/passwd',
  '/etc/passwd',
  '\\\\server\\share',
  'C:\\x',
  '..\\x',
  'a/../b',
  '~',
  '~root',
  '$HOME',
  'a:b',
  'x;rm -rf',
  '%2e%2e',
  '%2e%2e%2f',
  '.hidden',
  '.instances',
  'CON',
  'con',
  'nul',
  'lpt1',
  'com9',
  'lock',
  'trailing.',
  'trailing ',
  '-rf',
  'é',
  'e\u0301',
  'ſ',
  'K',
  '‮evil',
  '\u200b',
  '😀',
  'a|b',
  '*',
  '?',
  '"',
  '<>',
];

describe('a scope name as a folder name', () => {
  it.each(['acme', 'acme-eu', 'team_7', '0', '-'])('%s stays as it is', (name) => {
    expect(encodeScopeName(name)).toBe(name);
  });

  it.each(TRICKS)('%j becomes one harmless folder name and comes back', (name) => {
    const folder = encodeScopeName(name);
    expect(folder).toMatch(/^(?:[a-z0-9_-]|%[0-9a-f]{2})+$/);
    expect(decodeScopeName(folder)).toBe(name);
  });

  it('differs for names that a file system without case or with Unicode forms would confuse', () => {
    const names = ['acme', 'Acme', 'ACME', 'é', 'e\u0301', 'K', 'k', '\u212a', 'ſ', 's'];
    const folders = names.map((name) => encodeScopeName(name).toLowerCase().normalize('NFC'));
    expect(new Set(folders).size).toBe(names.length);
  });

  it.each(['con', 'nul', 'aux', 'prn', 'com1', 'lpt9', 'lock', 'config'])(
    '%s never names a folder as it is',
    (name) => {
      expect(encodeScopeName(name)).not.toBe(name);
      expect(decodeScopeName(name)).toBeUndefined();
    },
  );

  it.each([
    '',
    '\0',
    'a\0b',
    'a\nb',
    '\u007f',
    '\u0085',
    '\ud800',
    'x\udc00',
    'a'.repeat(201),
    '😀'.repeat(17),
  ])('%j is refused', (name) => {
    expect(() => encodeScopeName(name)).toThrow(expect.objectContaining({ code: 'SCOPE_NAME_INVALID' }));
  });

  it.each(NOT_FOLDERS)('%j is no folder of any scope', (folder) => {
    expect(decodeScopeName(folder)).toBeUndefined();
  });

  it('comes back from its folder, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (name) => {
        let folder: string;
        try {
          folder = encodeScopeName(name);
        } catch (error) {
          expect(error).toMatchObject({ code: 'SCOPE_NAME_INVALID' });
          return;
        }
        expect(decodeScopeName(folder)).toBe(name);
      }),
    );
  });

  it('of any folder name is none or the one that encodes to it', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z%0-9.A-F]{1,12}$/), (folder) => {
        const name = decodeScopeName(folder);
        if (name !== undefined) expect(encodeScopeName(name)).toBe(folder);
      }),
    );
  });
});
