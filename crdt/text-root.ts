/**
 * Names of texts. A property that holds a text names it by its element, its own name, and the stamp of the assignment that
 * made it, so that a text which is made again under the same name is another one: what was typed into the old one
 * cannot appear in the new one. The name is part of the data format, as is the Yjs client under which a stamp writes.
 */
import { hashText } from '../base/text.ts';
import { encodeStamp, stampAtEnd } from './patch-codec.ts';
import type { Stamp } from './stamp.ts';

export type TextElement = 'node' | 'edge';

export interface TextPlace {
  readonly element: TextElement;
  readonly id: string;
  readonly property: string;
  /** Stamp of the assignment. */
  readonly of: Stamp;
}

/** `node/ada/notes/STAMP`, each part percent-encoded. */
export function textRoot({ element, id, property, of }: TextPlace): string {
  return `${element}/${encodeURIComponent(id)}/${encodeURIComponent(property)}/${encodeStamp(of.clock, of.replica)}`;
}

/** Undefined for what is no such name. */
export function parseTextRoot(root: string): TextPlace | undefined {
  const [element, id, property, stamp, ...more] = root.split('/');
  if ((element !== 'node' && element !== 'edge') || !id || !property || stamp?.length !== 15 || more.length > 0) {
    return undefined;
  }
  const of = stampAtEnd(stamp);
  try {
    const place: TextPlace | undefined = of && {
      element,
      id: decodeURIComponent(id),
      property: decodeURIComponent(property),
      of,
    };
    return place !== undefined && textRoot(place) === root ? place : undefined;
  } catch {
    return undefined;
  }
}

const HIGH_BITS = 2 ** 21 - 1;

/**
 * The Yjs client under which a stamp writes into a text: of 53 bits, so that it is none of a stock client, which has 32, and
 * none of a server. It writes once, so nothing has to be remembered for it to be used rightly.
 */
export function textClient(root: string, { clock, replica }: Stamp): number {
  const name = `${encodeStamp(clock, replica)} ${root}`;
  // 1 to 2^21 - 1: beyond 32 bits in any case.
  const high = (hashText(`high ${name}`) % HIGH_BITS) + 1;
  return high * 2 ** 32 + hashText(name);
}
