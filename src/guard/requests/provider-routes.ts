/** `provider.only` and `provider.ignore`: OpenRouter routes to nobody else, so rules about providers hold upstream as well. */
import type { Routes } from '../../core/provider-rule.js';
import { type Fields, isObject } from './field-checks.js';

/** The providers that a request names to be routed to, as it writes them. */
export function listNamedProviders({ provider }: Fields): readonly string[] {
  if (!isObject(provider)) return [];
  return [...listTexts(provider.order), ...listTexts(provider.only)];
}

/** The caller's `provider`, routed to nobody that the rules deny. What the caller asks for was decided to be allowed. */
export function withRoutes(provider: Fields, routes: Routes | null): Fields {
  if (!routes) return provider;
  const own = listTexts(provider.only);
  const only = own.length > 0 ? own : routes.only;
  const ignore = [...new Set([...listTexts(provider.ignore), ...routes.ignore])];
  return { ...provider, ...(only ? { only } : {}), ...(ignore.length > 0 ? { ignore } : {}) };
}

function listTexts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
