/** Who answers a request, told from its address: OpenRouter understands price ceilings, others do not. */

/** `openrouter`, `openai`, or the host name of anybody else. */
export function detectProvider(address: string | URL, configured: string | undefined): string {
  if (configured !== undefined) return configured;
  // A relative address never leaves: there is nobody behind it.
  if (!URL.canParse(String(address))) return 'unknown';
  const host = new URL(address).hostname;
  if (isOrBelow(host, 'openrouter.ai')) return 'openrouter';
  if (isOrBelow(host, 'api.openai.com')) return 'openai';
  return host;
}

function isOrBelow(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`);
}
