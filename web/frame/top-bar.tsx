/** The bar above every screen: where one is, where one can go, whether it is live, how it looks. */
import type { JSX } from 'preact';
import { Icon, type IconName } from '../icons.js';
import { type Connection, connection, status } from '../state/feed.js';
import { setTheme, THEMES, type Theme, theme } from '../state/preferences.js';
import { go, linkTo, type Screen, view } from '../state/view.js';
import { showText } from '../text.js';

const TITLES: readonly (readonly [Screen, string])[] = [
  ['live', 'Live'],
  ['spend', 'Spend'],
  ['integrity', 'Integrity'],
  ['policies', 'Policies'],
];
const SAYS: Readonly<Record<Connection, string>> = {
  connecting: 'Connecting',
  up: 'Live',
  down: 'Disconnected',
  expired: 'Not let in',
};
const THEME_ICONS: Readonly<Record<Theme, IconName>> = { system: 'system', light: 'sun', dark: 'moon' };

export function TopBar({
  onHelp,
  live,
}: {
  readonly onHelp: () => void;
  readonly live: boolean;
}): JSX.Element {
  return (
    <header class="top">
      <a
        class="brand"
        href={linkTo({ screen: 'live', q: '', receipt: '' })}
        onClick={(event) => follow(event, 'live', true)}
      >
        <Icon name="shield" />
        <span>agentguard</span>
      </a>
      {!live && <span class="scope">{showText(status.value?.home ?? '', 60)}</span>}
      {status.value?.scope && <span class="scope">{showText(status.value.scope, 60)}</span>}
      <nav class="tabs" aria-label="Screens">
        {TITLES.map(([screen, title]) => (
          <a
            key={screen}
            href={linkTo({ screen, receipt: '' })}
            aria-current={view.value.screen === screen ? 'page' : undefined}
            onClick={(event) => follow(event, screen)}
          >
            {!live && screen === 'live' ? 'Calls' : title}
          </a>
        ))}
      </nav>
      <span class="top-end">
        {live && (
          <span class={`connection connection-${connection.value}`} role="status">
            <i aria-hidden="true" />
            <span class="wide">{SAYS[connection.value]}</span>
          </span>
        )}
        <button
          type="button"
          class="icon-button"
          aria-label={`Theme: ${theme.value}. Change it`}
          title={`Theme: ${theme.value}`}
          onClick={() => setTheme(THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? 'system')}
        >
          <Icon name={THEME_ICONS[theme.value]} />
        </button>
        <button
          type="button"
          class="icon-button"
          aria-label="Keys and filter language"
          title="Help (?)"
          onClick={onHelp}
        >
          <Icon name="help" />
        </button>
      </span>
    </header>
  );
}

/** A plain click stays in the page; one that asks for a new tab does not. */
function follow(event: MouseEvent, screen: Screen, clear = false): void {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  go(clear ? { screen, q: '', receipt: '' } : { screen, receipt: '' });
}
