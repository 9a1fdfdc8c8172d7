/** Names that an expression can see, with what is known of them. */
import type { Spanned } from '../syntax/ast.ts';
import { compileError } from '../syntax/source-error.ts';
import type { StaticType } from './static-type.ts';

export type Names = ReadonlyMap<string, StaticType>;

/** Throws errors that point at the text. */
export class Report {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }

  fail(span: Spanned, detail: string, message: string): never {
    throw compileError(this.text, span, detail, message);
  }

  undefinedVariable(span: Spanned, name: string): never {
    return this.fail(span, 'UndefinedVariable', `the variable \`${name}\` is not defined here`);
  }

  alreadyBound(span: Spanned, name: string): never {
    return this.fail(span, 'VariableAlreadyBound', `the variable \`${name}\` is defined already`);
  }

  typeConflict(span: Spanned, name: string, wanted: string): never {
    return this.fail(span, 'VariableTypeConflict', `the variable \`${name}\` is no ${wanted}`);
  }
}

export function withNames(names: Names, entries: Iterable<readonly [string, StaticType]>): Names {
  return new Map([...names, ...entries]);
}
