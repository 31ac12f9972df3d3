/** "Jump to row N", counted from the newest. */
import type { Signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

export interface JumpBoxProps {
  readonly open: Signal<boolean>;
  readonly total: number;
  readonly onJump: (row: number) => void;
  readonly onDone: () => void;
}

export function JumpBox({ open, total, onJump, onDone }: JumpBoxProps): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (!open.value) return;
    input.current?.focus();
    open.value = false;
  }, [open.value]);
  const onSubmit = (event: Event): void => {
    event.preventDefault();
    const row = Number.parseInt((input.current?.value ?? '').replace(/[\s,.]/g, ''), 10);
    if (Number.isNaN(row)) return;
    onJump(Math.min(Math.max(1, row), total));
    onDone();
  };
  return (
    <form class="jump" onSubmit={onSubmit}>
      <label>
        Row{' '}
        <input
          ref={input}
          type="text"
          inputMode="numeric"
          placeholder="500,000"
          onKeyDown={(event) => {
            if (event.key === 'Escape') onDone();
          }}
        />
      </label>
      <button type="submit" class="button small">
        Jump
      </button>
    </form>
  );
}
