/** Types of values behind `IS ::`, e.g. `LIST<INTEGER NOT NULL> | STRING`. Their words are names elsewhere. */
import { VALUE_TYPES, type ValueType } from '../values/value-type.ts';
import { TokenStream } from './token-stream.ts';

/** Other names; those of several words are written out. */
const SYNONYMS: Readonly<Record<string, string>> = {
  BOOL: 'BOOLEAN',
  VARCHAR: 'STRING',
  INT: 'INTEGER',
  'SIGNED INTEGER': 'INTEGER',
  'TIME WITHOUT TIMEZONE': 'LOCAL TIME',
  'TIME WITH TIMEZONE': 'ZONED TIME',
  'TIMESTAMP WITHOUT TIMEZONE': 'LOCAL DATETIME',
  'TIMESTAMP WITH TIMEZONE': 'ZONED DATETIME',
  VERTEX: 'NODE',
  'ANY VERTEX': 'NODE',
  'ANY NODE': 'NODE',
  EDGE: 'RELATIONSHIP',
  'ANY EDGE': 'RELATIONSHIP',
  'ANY RELATIONSHIP': 'RELATIONSHIP',
  'ANY MAP': 'MAP',
  ARRAY: 'LIST',
  'ANY PROPERTY VALUE': 'PROPERTY VALUE',
  'ANY VALUE': 'ANY',
  VALUE: 'ANY',
};
const KNOWN: ReadonlySet<string> = new Set([...VALUE_TYPES, ...Object.keys(SYNONYMS)]);
/** Words of the longest name. */
const WORDS_MAX = 3;

export abstract class TypeParser extends TokenStream {
  /** @param bars whether `|` may follow and belongs to the type */
  protected valueTypes(bars: boolean): ValueType[] {
    const types = [this.#valueType()];
    while (bars && this.take('|')) types.push(this.#valueType());
    return types;
  }

  #valueType(): ValueType {
    const name = this.#typeName();
    const items: ValueType[] = [];
    if (name === 'LIST' && this.take('<')) {
      this.enter();
      items.push(...this.valueTypes(true));
      this.leave();
      this.expect('>');
    } else if (name === 'LIST') items.push({ name: 'ANY', notNull: false, items: [] });
    return { name, notNull: this.#notNull(), items };
  }

  #notNull(): boolean {
    if (this.take('!')) return true;
    if (this.word !== 'NOT' || this.wordAt(this.at + 1) !== 'NULL') return false;
    this.at += 2;
    return true;
  }

  /** The longest name that the next words spell. */
  #typeName(): string {
    for (let count = WORDS_MAX; count > 0; count--) {
      const words: string[] = [];
      for (let i = 0; i < count && this.kindAt(this.at + i) === 'name'; i++) words.push(this.sourceAt(this.at + i));
      const text = words.join(' ').toUpperCase();
      if (words.length < count || !KNOWN.has(text)) continue;
      this.at += count;
      return SYNONYMS[text] ?? text;
    }
    return this.unexpected(`a type: ${VALUE_TYPES.join(', ')}`);
  }
}
