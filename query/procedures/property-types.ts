/** Which properties the elements of each kind have, of which types, and whether all have them. */
import { compareText } from '../../base/order.ts';
import type { Properties } from '../../graph/value.ts';
import { fromStored, typeName } from '../values/runtime-value.ts';
import type { Row } from './survey.ts';

interface Kind {
  count: number;
  readonly properties: Map<string, Property>;
}

interface Property {
  count: number;
  readonly types: Set<string>;
}

export class PropertyTypes {
  readonly #kinds = new Map<string, Kind>();

  see(kind: string, properties: Properties): void {
    const seen = held(this.#kinds, kind, () => ({ count: 0, properties: new Map() }));
    seen.count++;
    for (const [name, value] of Object.entries(properties)) {
      const property = held(seen.properties, name, () => ({ count: 0, types: new Set() }));
      property.count++;
      property.types.add(typeName(fromStored(value)).toUpperCase());
    }
  }

  /** A row for each property of a kind, or one without: columns of the kind, name, types, and whether it is mandatory. */
  rows(columnsOf: (kind: string) => Row): Row[] {
    return inOrder(this.#kinds).flatMap(([kind, { count, properties }]): Row[] => {
      const columns = columnsOf(kind);
      if (properties.size === 0) return [[...columns, null, null, false]];
      return inOrder(properties).map(([name, property]) => [
        ...columns,
        name,
        Array.from(property.types).sort(compareText),
        property.count === count,
      ]);
    });
  }
}

function held<T>(map: Map<string, T>, key: string, make: () => T): T {
  let found = map.get(key);
  if (found === undefined) {
    found = make();
    map.set(key, found);
  }
  return found;
}

function inOrder<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return Array.from(map).sort(([a], [b]) => compareText(a, b));
}
