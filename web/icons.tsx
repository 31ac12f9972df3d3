/** The page's few icons, drawn as strokes in a 16-pixel square. Hidden from screen readers: words stand beside them. */
import type { JSX } from 'preact';

const PATHS = {
  allow: 'M3 8.5l3.2 3.2L13 4.8',
  downgrade: 'M8 3v9M4.2 8.4L8 12.2l3.8-3.8',
  shadow: 'M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11',
  block: 'M4.1 4.1l7.8 7.8M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11z',
  control: 'M8 2.5l5.5 5.5L8 13.5 2.5 8z',
  search: 'M7 2.8a4.2 4.2 0 1 0 0 8.4 4.2 4.2 0 0 0 0-8.4zM10.2 10.2L13.5 13.5',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3.3v9.4L12.5 8z',
  close: 'M4 4l8 8M12 4l-8 8',
  up: 'M8 13V4M4.2 7.6L8 3.8l3.8 3.8',
  down: 'M4 6.5l4 4 4-4',
  download: 'M8 2.5v7.5M4.8 7L8 10.2 11.2 7M3 13.3h10',
  filter: 'M2.5 4h11M4.5 8h7M6.5 12h3',
  warn: 'M8 2.5L14.2 13.2H1.8zM8 6.5v3.2M8 11.4v.2',
  sun: 'M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9',
  moon: 'M13 9.6A5.4 5.4 0 0 1 6.4 3a5.4 5.4 0 1 0 6.6 6.6z',
  system: 'M2.5 3.5h11v7h-11zM6 13.3h4M8 10.5v2.8',
  help: 'M5.9 6.1a2.1 2.1 0 1 1 3 1.9c-.6.3-.9.7-.9 1.4M8 11.7v.2',
  shield: 'M8 1.8l5.2 1.9v4.1c0 3.3-2.2 5.5-5.2 6.4-3-.9-5.2-3.1-5.2-6.4V3.7zM5.7 8l1.7 1.7 3-3.3',
  copy: 'M6 6h7v7H6zM3 10V3h7',
  unknown: 'M3.5 8h9',
} as const;
export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
