/** The version of this package, from its own package.json. */
import { readFileSync } from 'node:fs';

/** Such as `0.1.0`. */
export function readPackageVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}
