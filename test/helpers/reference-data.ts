/** Recorded answers and published vectors, where `AGENTGUARD_DATA` points. In CI their absence is a failure. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The folder, or `undefined`: then the tests that need it are skipped. */
export const referenceData: string | undefined = process.env.AGENTGUARD_DATA;

if (!referenceData && process.env.CI) throw new Error('AGENTGUARD_DATA must name the reference data in CI');

export function readReferenceJson(path: string): unknown {
  return JSON.parse(readFileSync(join(referenceData ?? '', path), 'utf8'));
}
