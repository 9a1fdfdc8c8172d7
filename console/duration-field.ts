/** A span of time as a number and a unit, of which the largest that divides it is taken. */
import { element } from './element.ts';

const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ['days', 86_400_000],
  ['hours', 3_600_000],
  ['minutes', 60_000],
  ['seconds', 1_000],
  ['ms', 1],
];
const USUAL = 'minutes';

export interface DurationField {
  readonly element: HTMLElement;
  /** In milliseconds; null if the field is empty. */
  read(): number | null;
}

/** @param name what the field is called for those who hear the page */
export function durationField(name: string, ms: number | undefined, id?: string): DurationField {
  const [unit, size] = UNITS.find(([, each]) => ms !== undefined && ms % each === 0) ?? [USUAL, 60_000];
  const number = element('input', {
    type: 'number',
    min: 0,
    step: 'any',
    class: 'short',
    value: ms === undefined ? '' : ms / size,
    ...(id === undefined ? { 'aria-label': name } : { id }),
  });
  const units = element(
    'select',
    { 'aria-label': `Unit of ${name}` },
    UNITS.map(([each]) => element('option', { value: each, selected: each === unit }, each)),
  );
  return {
    element: element('div', { class: 'row tight' }, number, units),
    read() {
      if (number.value === '') return null;
      const [, factor = 1] = UNITS.find(([each]) => each === units.value) ?? [];
      return Math.round(Number(number.value) * factor);
    },
  };
}

export function durationText(ms: number): string {
  const [unit, size] = UNITS.find(([, each]) => ms % each === 0) ?? ['ms', 1];
  return `${ms / size} ${unit}`;
}
