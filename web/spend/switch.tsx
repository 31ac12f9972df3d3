/** A row of choices of which one is on. */
import type { JSX } from 'preact';

export interface SwitchProps<T extends string> {
  readonly label: string;
  readonly values: readonly T[];
  readonly value: T;
  readonly onPick: (value: T) => void;
}

export function Switch<T extends string>({ label, values, value, onPick }: SwitchProps<T>): JSX.Element {
  return (
    <fieldset class="switch">
      <legend class="sr-only">{label}</legend>
      {values.map((one) => (
        <button key={one} type="button" aria-pressed={one === value} onClick={() => onPick(one)}>
          {one}
        </button>
      ))}
    </fieldset>
  );
}
