/** Which addresses may be asked: https anywhere, plain http on this machine only (docs/pricing.md). */

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Text as an address, `undefined` when it is none. (`URL.parse` is not in Node 20.) */
export function parseAddress(text: string, base?: URL): URL | undefined {
  return URL.canParse(text, base?.href) ? new URL(text, base) : undefined;
}

/** Why an address may not be asked, as the end of a sentence that starts with it; `undefined` when it may. */
export function findAddressFault(url: URL): string | undefined {
  if (url.username !== '' || url.password !== '') return 'carries a user name or password';
  if (url.protocol === 'https:') return undefined;
  if (url.protocol !== 'http:') return `is not a web address (${url.protocol}//)`;
  if (!LOOPBACK.test(url.hostname)) return 'is plain http, which anybody on the way can change; use https';
  return undefined;
}

/** Why a redirect may not be followed, as the end of a sentence that starts with where it leads. */
export function findRedirectFault(from: URL, to: URL): string | undefined {
  if (from.protocol === 'https:' && to.protocol !== 'https:') return 'is not https';
  return findAddressFault(to);
}

/** An address for a sentence: no user name, no password, no query, which may hold a key. */
export function showAddress(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}
