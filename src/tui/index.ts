/** Views for a terminal that a person looks at; loaded only then (docs/cli.md "watch"). */
export { runWatch, type WatchOptions } from './watch.js';
export type { WatchedPlace } from './watch-feed.js';
