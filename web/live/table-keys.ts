/** The keys of the live screen; help-overlay.tsx lists them. */
import { useEffect } from 'preact/hooks';
import type { RowSummary } from '../../src/core/dashboard.js';
import type { TextQueryField } from '../../src/core/query-ast.js';
import type { TableControl } from './row-table.js';

export interface TableKeys {
  readonly table: { readonly current: TableControl | null };
  readonly input: { readonly current: HTMLInputElement | null };
  readonly open: (row: RowSummary) => void;
  readonly filter: (field: TextQueryField, value: string, isNot: boolean) => void;
  readonly showInContext: (ref: string) => void;
  readonly jump: () => void;
  readonly pause: () => void;
}

const PAGE = 20;

/** Takes the keys while no field, menu or dialog has them. */
export function useTableKeys(keys: TableKeys): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (act(keys, event)) event.preventDefault();
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  });
}

function act(keys: TableKeys, event: KeyboardEvent): boolean {
  const table = keys.table.current;
  const inTable = (event.target as Element).closest?.('.table') !== null || event.target === document.body;
  if (event.key === '/') {
    keys.input.current?.focus();
    keys.input.current?.select();
    return true;
  }
  if (!table) return false;
  return moves(table, event.key, inTable) || acts(keys, table, event.key, inTable);
}

function moves(table: TableControl, key: string, inTable: boolean): boolean {
  const step: Readonly<Record<string, number>> = { j: 1, k: -1, ...(inTable ? ARROWS : {}) };
  if (Object.hasOwn(step, key)) table.move(step[key] ?? 0);
  else if (inTable && key === 'ArrowRight') table.moveCell(1);
  else if (inTable && key === 'ArrowLeft') table.moveCell(-1);
  else if (inTable && key === 'Home') table.show(0, true);
  else if (inTable && key === 'End') table.show(Number.MAX_SAFE_INTEGER, true);
  else return false;
  return true;
}

const ARROWS = { ArrowDown: 1, ArrowUp: -1, PageDown: PAGE, PageUp: -PAGE };

function acts(keys: TableKeys, table: TableControl, key: string, inTable: boolean): boolean {
  const row = table.selected();
  if (key === 'Enter' && inTable && row) keys.open(row);
  else if (key.toLowerCase() === 'f' && row) {
    const term = table.term();
    if (term) keys.filter(term[0], term[1], key === 'F');
  } else if (key === 'c' && row) keys.showInContext(row.ref);
  else if (key === 'g') keys.jump();
  else if (key === 'p') keys.pause();
  else return false;
  return true;
}

/** Whether the key belongs to a field, a menu or a dialog. */
export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof Element && target.closest('input, textarea, select, dialog, [role="menu"]') !== null
  );
}
