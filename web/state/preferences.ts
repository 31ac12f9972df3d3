/** What this browser remembers between visits: the theme, and when a ledger was last verified here. */
import { signal } from '@preact/signals';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

export const theme = signal<Theme>('system');

/** Takes the remembered theme; the style sheet follows an attribute of the document. */
export function restoreTheme(): void {
  setTheme(THEMES.find((value) => value === recall('theme')) ?? 'system');
}

export function setTheme(value: Theme): void {
  theme.value = value;
  remember('theme', value);
  if (value === 'system') document.documentElement.removeAttribute('data-theme');
  else document.documentElement.setAttribute('data-theme', value);
}

/** Storage may be refused or full: then nothing is remembered. */
export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(`agentguard.${key}`, value);
  } catch {}
}

export function recall(key: string): string | null {
  try {
    return localStorage.getItem(`agentguard.${key}`);
  } catch {
    return null;
  }
}
