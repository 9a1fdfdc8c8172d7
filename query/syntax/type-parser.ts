/** Types of values behind `IS ::`, e.g. `LIST<INTEGER NOT NULL> | STRING`. Their words are names elsewhere. */
import { FUNCTIONS } from '../parts.ts';
import type { ValueType } from '../values/value-type.ts';
import { TokenStream } from './token-stream.ts';

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
    let type: ValueType = { name, notNull: this.#notNull(), items };
    // `INTEGER LIST` is `LIST<INTEGER>`.
    while (this.takeText('LIST') || this.takeText('ARRAY')) {
      type = { name: 'LIST', notNull: this.#notNull(), items: [type] };
    }
    return type;
  }

  #notNull(): boolean {
    if (this.take('!')) return true;
    if (this.word !== 'NOT' || this.wordAt(this.at + 1) !== 'NULL') return false;
    this.at += 2;
    return true;
  }

  /** The longest name that the next words spell. */
  #typeName(): string {
    const { typeNamed, VALUE_TYPES } = FUNCTIONS.get();
    for (let count = WORDS_MAX; count > 0; count--) {
      const words: string[] = [];
      for (let i = 0; i < count && this.kindAt(this.at + i) === 'name'; i++) words.push(this.sourceAt(this.at + i));
      const found = words.length < count ? undefined : typeNamed(words.join(' ').toUpperCase());
      if (found === undefined) continue;
      this.at += count;
      return found;
    }
    return this.unexpected(`a type: ${VALUE_TYPES.join(', ')}`);
  }
}
