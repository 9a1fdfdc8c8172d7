/** Fields for the properties of an element: a name and a value as JSON each, and what the user changed of them. */
import type { ClientProperties } from '../client/graph-client-types.ts';
import { parseExactJson } from '../graph/exact-json.ts';
import { decodeValue, printValue } from '../graph/json-values.ts';
import type { Value } from '../graph/value.ts';
import { button, element } from './element.ts';

export interface PropertyFields {
  readonly element: HTMLElement;
  /** All as they are in the fields. @throws Error that names the field that is no JSON */
  all(): ClientProperties;
  /** What differs from the properties at the beginning: null for those that were removed. @throws as `all` */
  changes(): Record<string, Value>;
}

export function propertyFields(properties: ClientProperties): PropertyFields {
  const body = element('tbody');
  const before = new Map(Object.entries(properties).map(([name, value]) => [name, printValue(value)]));
  const add = (name = '', text = ''): HTMLInputElement => {
    const nameInput = element('input', {
      value: name,
      'aria-label': 'Name of the property',
      class: 'property-name',
      spellcheck: 'false',
    });
    const valueInput = element('input', {
      value: text,
      'aria-label': `Value of ${name || 'the property'}, as JSON`,
      class: 'mono property-value',
      spellcheck: 'false',
    });
    const row = element(
      'tr',
      {},
      element('td', {}, nameInput),
      element('td', {}, valueInput),
      element(
        'td',
        {},
        button('Remove', () => row.remove(), { class: 'quiet', 'aria-label': `Remove ${name || 'the property'}` }),
      ),
    );
    body.append(row);
    return nameInput;
  };
  for (const [name, text] of before) add(name, text);
  const texts = (): Map<string, string> => {
    const found = new Map<string, string>();
    for (const row of body.rows) {
      const [name, value] = [...row.querySelectorAll('input')].map((input) => input.value);
      if (name === undefined || name === '' || value === undefined) continue;
      found.set(name, value);
    }
    return found;
  };
  return {
    element: element(
      'div',
      { class: 'scroll-x' },
      element(
        'table',
        { class: 'properties' },
        element(
          'thead',
          {},
          element(
            'tr',
            {},
            ['Property', 'Value, as JSON'].map((title) => element('th', { scope: 'col' }, title)),
            element('td'),
          ),
        ),
        body,
      ),
      button('Add a property', () => add().focus(), { class: 'quiet' }),
    ),
    all: () => Object.fromEntries([...texts()].map(([name, text]) => [name, readValue(name, text)])),
    changes() {
      const now = texts();
      const changes: Record<string, Value> = {};
      for (const [name, text] of now) if (before.get(name) !== text) changes[name] = readValue(name, text);
      for (const name of before.keys()) if (!now.has(name)) changes[name] = null;
      return changes;
    },
  };
}

/** A number keeps all of its digits, and `2.0` is not `2`. */
function readValue(name: string, text: string): Value {
  let wire: unknown;
  try {
    wire = parseExactJson(text);
  } catch {
    throw new Error(`The value of ${name} is no JSON: ${text} (a text stands in quotes)`);
  }
  return decodeValue(wire, name);
}
