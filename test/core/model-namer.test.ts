import { describe, expect, it } from 'vitest';
import { parseCatalogue } from '../../src/core/catalogue.js';
import { createModelNamer } from '../../src/core/model-namer.js';

const DATED = { model: 'anthropic/claude-haiku-4.5', permaslug: 'anthropic/claude-4.5-haiku-20251001' };

describe('two names are one model', () => {
  const nameOf = createModelNamer([DATED], undefined);

  it.each([
    ['the id and the slug of an activity line', DATED.permaslug],
    ['dots and dashes', 'anthropic/claude-haiku-4-5'],
    ['upper case', 'Anthropic/Claude-Haiku-4.5'],
    ['the version elsewhere in a dated slug', 'anthropic/claude-haiku-4-5-20251001'],
    ['with and without a suffix that only routes', 'anthropic/claude-haiku-4.5:nitro'],
    ['with two of them', 'anthropic/claude-haiku-4.5:online:floor'],
  ])('%s', (_how, written) => {
    expect(nameOf(written)).toBe(nameOf(DATED.model));
  });
});

describe('two names are two models', () => {
  it('where one is the free twin, by id and by shared slug', () => {
    const lines = [
      { model: 'acme/poet', permaslug: 'acme/poet-2026-01-01' },
      { model: 'acme/poet:free', permaslug: 'acme/poet-2026-01-01' },
    ];
    const nameOf = createModelNamer(lines, undefined);
    expect(nameOf('acme/poet:free')).not.toBe(nameOf('acme/poet'));
    expect(nameOf('acme/poet-2026-01-01')).toBe(nameOf('acme/poet'));
    expect(nameOf('acme/poet-2026-01-01:free')).toBe(nameOf('acme/poet:free'));
  });

  it('where only the free twin is in the activity', () => {
    const nameOf = createModelNamer([{ model: 'acme/poet:free', permaslug: 'acme/poet-2026' }], undefined);
    expect(nameOf('acme/poet-2026')).not.toBe(nameOf('acme/poet:free'));
  });

  it('where two models have one slug', () => {
    const lines = ['acme/poet', 'acme/bard'].map((model) => ({ model, permaslug: 'acme/one' }));
    const nameOf = createModelNamer(lines, undefined);
    const names = ['acme/poet', 'acme/bard', 'acme/one'].map(nameOf);
    expect(new Set(names).size).toBe(3);
  });

  it.each([
    'openai/gpt-5',
    'anthropic/claude-haiku-4',
    '',
    'constructor',
    '__proto__',
    '\u001b[2J',
    ':free',
    'x'.repeat(9999),
  ])('where nothing says otherwise: %j', (written) => {
    const nameOf = createModelNamer([DATED], undefined);
    expect(nameOf(written)).not.toBe(nameOf(DATED.model));
  });
});

describe('with a price table', () => {
  const model = (id: string, slug: string) => ({
    id,
    canonical_slug: slug,
    name: id,
    context_length: 1000,
    pricing: { prompt: '0.000001', completion: '0.000002' },
  });
  const reading = parseCatalogue({
    data: [model('acme/poet', 'acme/poet-2026-01-01'), model('acme/poet:free', 'acme/poet-2026-01-01')],
  });
  if (!reading.ok) throw new Error('the catalogue must read');

  it('slugs that the activity does not show are known, twins apart', () => {
    const nameOf = createModelNamer([{ model: 'acme/poet', permaslug: undefined }], reading.catalogue);
    expect(nameOf('acme/poet-2026-01-01')).toBe(nameOf('acme/poet'));
    expect(nameOf('acme/poet:free')).not.toBe(nameOf('acme/poet'));
  });

  it('models that it does not know are still matched by what the activity says', () => {
    const nameOf = createModelNamer([DATED], reading.catalogue);
    expect(nameOf(DATED.permaslug)).toBe(nameOf(DATED.model));
  });
});
