/** Downloads of exactly what the filter selects. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Icon } from '../icons.js';
import { type DataSource, EXPORT_FORMATS } from '../state/source.js';

const SAYS = {
  csv: 'CSV, for spreadsheets',
  json: 'JSON, one array',
  ndjson: 'NDJSON, the raw signed rows',
} as const;

export function ExportMenu({
  source,
  q,
}: {
  readonly source: DataSource;
  readonly q: string;
}): JSX.Element | null {
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = (event: Event): void => {
      const isEscape = event instanceof KeyboardEvent && event.key === 'Escape';
      const isElsewhere = event.type === 'pointerdown' && !menu.current?.contains(event.target as Node);
      if (menu.current?.open && (isEscape || isElsewhere)) menu.current.open = false;
    };
    for (const type of ['keydown', 'pointerdown']) document.addEventListener(type, close);
    return () => {
      for (const type of ['keydown', 'pointerdown']) document.removeEventListener(type, close);
    };
  }, []);
  // A snapshot has no server to write a file.
  if (!source.live) return null;
  return (
    <details class="menu" ref={menu}>
      <summary class="button">
        <Icon name="download" />
        <span class="wide">Export</span>
      </summary>
      <ul class="menu-list">
        {EXPORT_FORMATS.map((format) => (
          <li key={format}>
            <a
              href={source.exportUrl(q, format)}
              download
              onClick={() => menu.current?.removeAttribute('open')}
            >
              {SAYS[format]}
            </a>
          </li>
        ))}
        <li class="menu-note dim">{q ? 'Exactly what the filter selects' : 'Everything'}</li>
      </ul>
    </details>
  );
}
