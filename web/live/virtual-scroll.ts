/**
 * Scrolling through more rows than a browser can make an element high (17.9 million pixels in Firefox): the scroll bar
 * spans at most `MAX_HEIGHT`, and the place in the list is kept beside it. Small movements move by pixels, jumps of the
 * scroll bar by proportion.
 */

/** Highest element that every browser draws. */
export const MAX_HEIGHT = 8_000_000;

export interface ScrollPlace {
  /** Pixels from the top of the list as if it were drawn whole. */
  readonly top: number;
  /** What the scroll bar says. */
  readonly scrollTop: number;
}

export interface ScrollExtent {
  readonly rows: number;
  readonly rowHeight: number;
  /** Height of the window onto the list. */
  readonly height: number;
}

/** Height of the element that is scrolled. */
export function scrollHeightOf({ rows, rowHeight }: ScrollExtent): number {
  return Math.min(rows * rowHeight, MAX_HEIGHT);
}

/** Where the list stands after the scroll bar moved to `scrollTop`. */
export function moveScroll(place: ScrollPlace, scrollTop: number, extent: ScrollExtent): ScrollPlace {
  const most = mostTop(extent);
  const mostScroll = Math.max(0, scrollHeightOf(extent) - extent.height);
  if (most === mostScroll) return { top: clamp(scrollTop, most), scrollTop };
  // The ends of the bar are the ends of the list, whatever small movements added up to.
  if (scrollTop <= 0) return { top: 0, scrollTop };
  if (scrollTop >= mostScroll - 1) return { top: most, scrollTop };
  const delta = scrollTop - place.scrollTop;
  if (Math.abs(delta) <= extent.height * 2) return { top: clamp(place.top + delta, most), scrollTop };
  return { top: (scrollTop / mostScroll) * most, scrollTop };
}

/** The place of the list's pixel `top`, with where the scroll bar belongs then. */
export function placeScroll(top: number, extent: ScrollExtent): ScrollPlace {
  const most = mostTop(extent);
  const mostScroll = Math.max(0, scrollHeightOf(extent) - extent.height);
  const clamped = clamp(top, most);
  return { top: clamped, scrollTop: most > 0 ? Math.round((clamped / most) * mostScroll) : 0 };
}

/** The pixel to go to so that a row is in sight: where the list is already, if it is. */
export function topToShow(row: number, top: number, { rowHeight, height }: ScrollExtent): number {
  const rowTop = row * rowHeight;
  if (rowTop < top) return rowTop;
  if (rowTop + rowHeight > top + height) return rowTop + rowHeight - height;
  return top;
}

function mostTop({ rows, rowHeight, height }: ScrollExtent): number {
  return Math.max(0, rows * rowHeight - height);
}

function clamp(value: number, most: number): number {
  return Math.min(Math.max(0, value), most);
}
