/** The entry of the parser: the text of one statement to its tree. */
import { CATALOG } from '../parts.ts';
import type { Statement } from './ast.ts';
import { ClauseParser } from './clause-parser.ts';

/** One statement; a semicolon may end it. @throws QueryError at compile time, with the place; PartMissing */
export function parseStatement(text: string): Statement {
  return new StatementParser(text).statement();
}

class StatementParser extends ClauseParser {
  #isAboutSchema(): boolean {
    switch (this.word) {
      case 'CREATE':
        // `CREATE p = (a)-[:R]->(b)` makes a path.
        return (
          this.kindAt(this.at + 1) === 'name' &&
          this.kindAt(this.at + 2) !== '=' &&
          this.wordAt(this.at + 1) !== 'UNIQUE'
        );
      case 'DROP':
      case 'SHOW':
        return true;
      default:
        return false;
    }
  }

  statement(): Statement {
    this.versionPrefix();
    if (this.#isAboutSchema()) return CATALOG.get().parseSchemaStatement(this.text);
    const { start } = this;
    let mode: 'run' | 'explain' | 'profile' = 'run';
    if (this.takeWord('EXPLAIN')) mode = 'explain';
    else if (this.takeWord('PROFILE')) mode = 'profile';
    const query = this.query();
    this.expectEnd();
    return { kind: 'query', mode, query, start, end: this.lastEnd };
  }
}
