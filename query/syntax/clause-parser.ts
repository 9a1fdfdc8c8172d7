/** Clauses and the queries that they make. */
import type {
  Clause,
  Expression,
  IndexExpression,
  Name,
  ProjectionClause,
  ProjectionItem,
  PropertyExpression,
  Query,
  RemoveItem,
  SetItem,
  SetLabels,
  SingleQuery,
  SortItem,
  VariableExpression,
  YieldItem,
} from './ast.ts';
import { PatternParser } from './pattern-parser.ts';

const CLAUSES = 'MATCH, WITH, RETURN or another clause';
const NO_ORDER = { orderBy: [], skip: undefined, limit: undefined } as const;

export abstract class ClauseParser extends PatternParser {
  /** `CYPHER 5 runtime=slotted`: advice for another planner, read over. */
  protected versionPrefix(): void {
    const next = this.kindAt(this.at + 1);
    if (next !== 'integer' && next !== 'float' && next !== 'name') return;
    if (!this.takeText('CYPHER')) return;
    if (!this.take('integer')) this.take('float');
    while (this.kind === 'name' && this.kindAt(this.at + 1) === '=') {
      this.at += 2;
      this.name('a value of the option');
    }
  }

  /** Semicolons may be there, then nothing more. */
  protected expectEnd(): void {
    while (this.take(';')) {
      // A text of one statement may end in any number of them.
    }
    if (this.kind !== 'end') this.unexpected('another clause or the end');
  }

  protected query(): Query {
    const { start } = this;
    const singles = [this.#single()];
    const unions: Query['unions'][number][] = [];
    while (this.word === 'UNION') {
      this.checkChain(singles.length);
      const span = this.spanAt(this.at);
      this.at++;
      const all = this.takeWord('ALL');
      if (!all) this.takeWord('DISTINCT');
      unions.push({ all, ...span });
      singles.push(this.#single());
    }
    return { singles, unions, start, end: this.lastEnd };
  }

  #single(): SingleQuery {
    const { start } = this;
    const clauses: Clause[] = [];
    for (;;) {
      const clause = this.#clause();
      if (clause === undefined) break;
      clauses.push(clause);
      this.checkChain(clauses.length);
    }
    if (clauses.length === 0) this.unexpected(CLAUSES);
    return { clauses, start, end: this.lastEnd };
  }

  /** In braces: a query, or a pattern with an optional WHERE, which counts as a MATCH. */
  protected subquery(): Query {
    if (this.kind !== '(' && !(this.isName && this.kindAt(this.at + 1) === '=')) return this.query();
    const { start } = this;
    const pattern = this.soughtPattern();
    const where = this.where();
    const span = { start, end: this.lastEnd };
    const match = { kind: 'match', optional: false, pattern, where, ...span } as const;
    return { singles: [{ clauses: [match], ...span }], unions: [], ...span };
  }

  protected where(): Expression | undefined {
    return this.takeWord('WHERE') ? this.expression() : undefined;
  }

  #clause(): Clause | undefined {
    switch (this.word) {
      case 'OPTIONAL':
      case 'MATCH':
        return this.wordAt(this.at + 1) === 'CALL' ? this.#call() : this.#match();
      case 'UNWIND':
        return this.#unwind();
      case 'WITH':
      case 'RETURN':
        return this.projection();
      case 'ORDER':
      case 'SKIP':
      case 'OFFSET':
      case 'LIMIT':
      case 'FILTER':
      case 'LET':
        return this.#shortened();
      case 'FINISH':
        return this.#finish();
      case 'CREATE':
        return this.#create();
      case 'MERGE':
        return this.#merge();
      case 'SET':
        return this.#set();
      case 'REMOVE':
        return this.#remove();
      case 'DELETE':
      case 'DETACH':
      case 'NODETACH':
        return this.#delete();
      case 'FOREACH':
        return this.#foreach();
      case 'CALL':
        return this.#call();
      default:
        return undefined;
    }
  }

  #match(): Clause {
    const { start } = this;
    const optional = this.takeWord('OPTIONAL');
    this.expectWord('MATCH');
    const pattern = this.soughtPattern();
    while (this.word === 'USING') this.#hint();
    const where = this.where();
    return { kind: 'match', optional, pattern, where, start, end: this.lastEnd };
  }

  /** `USING INDEX n:L(p)`, `USING SCAN n:L`, `USING JOIN ON n`: read over, the planner needs no advice. */
  #hint(): void {
    this.expectWord('USING');
    for (const word of ['RANGE', 'TEXT', 'POINT', 'BTREE']) this.takeWord(word);
    if (this.takeWord('JOIN')) {
      this.expectWord('ON');
      this.commaList(() => this.name('a variable'));
      return;
    }
    if (!this.takeWord('SCAN')) {
      this.expectWord('INDEX');
      this.takeWord('SEEK');
    }
    this.name('a variable');
    this.expect(':');
    this.name('a label');
    if (this.take('(')) {
      this.commaList(() => this.name('a property name'));
      this.expect(')');
    }
  }

  #unwind(): Clause {
    const { start } = this;
    this.expectWord('UNWIND');
    const list = this.expression();
    this.expectWord('AS');
    const variable = this.name('a variable');
    return { kind: 'unwind', list, variable, start, end: this.lastEnd };
  }

  protected projection(): ProjectionClause {
    const { start } = this;
    const kind = this.word === 'WITH' ? 'with' : 'return';
    this.at++;
    const distinct = this.takeWord('DISTINCT');
    const all = this.take('*');
    const items = !all || this.take(',') ? this.commaList(() => this.#projectionItem()) : [];
    const rows = this.order();
    const where = kind === 'with' ? this.where() : undefined;
    return { kind, distinct, all, items, ...rows, where, start, end: this.lastEnd };
  }

  protected order(): Pick<ProjectionClause, 'orderBy' | 'skip' | 'limit'> {
    const orderBy = this.word === 'ORDER' ? this.#orderBy() : [];
    const skip = this.takeWord('SKIP') || this.takeWord('OFFSET') ? this.expression() : undefined;
    const limit = this.takeWord('LIMIT') ? this.expression() : undefined;
    return { orderBy, skip, limit };
  }

  /** Clauses that stand for `WITH *` and what follows it: `ORDER BY`, `SKIP` and `LIMIT`, `FILTER`, `LET x = 1`. */
  #shortened(): ProjectionClause {
    const { start } = this;
    const items = this.takeWord('LET') ? this.commaList(() => this.#letItem()) : [];
    const isFilter = items.length === 0 && this.takeWord('FILTER');
    if (isFilter) this.takeWord('WHERE');
    const where = isFilter ? this.expression() : undefined;
    const rows = items.length > 0 || isFilter ? NO_ORDER : this.order();
    return { kind: 'with', distinct: false, all: true, items, ...rows, where, start, end: this.lastEnd };
  }

  #letItem(): ProjectionItem {
    const alias = this.name('a variable');
    this.expect('=');
    const expression = this.expression();
    return { expression, alias, start: expression.start, end: expression.end };
  }

  /** A RETURN of no columns, and so of no rows. */
  #finish(): ProjectionClause {
    const span = this.spanAt(this.at);
    this.expectWord('FINISH');
    return { kind: 'return', distinct: false, all: false, items: [], ...NO_ORDER, where: undefined, ...span };
  }

  #projectionItem(): ProjectionItem {
    const { start } = this;
    const expression = this.expression();
    const end = this.lastEnd;
    const alias = this.takeWord('AS') ? this.name('a name for the column') : undefined;
    return { expression, alias, start, end };
  }

  #orderBy(): SortItem[] {
    this.expectWord('ORDER');
    this.expectWord('BY');
    return this.commaList(() => {
      const expression = this.expression();
      if (this.takeWord('DESC') || this.takeWord('DESCENDING')) return { expression, descending: true };
      if (!this.takeWord('ASC')) this.takeWord('ASCENDING');
      return { expression, descending: false };
    });
  }

  #create(): Clause {
    const { start } = this;
    this.expectWord('CREATE');
    const pattern = this.pattern();
    return { kind: 'create', pattern, start, end: this.lastEnd };
  }

  #merge(): Clause {
    const { start } = this;
    this.expectWord('MERGE');
    const pattern = this.patternPart();
    const onCreate: SetItem[] = [];
    const onMatch: SetItem[] = [];
    while (this.takeWord('ON')) {
      const items = this.word === 'CREATE' ? onCreate : onMatch;
      if (!this.takeWord('CREATE')) this.expectWord('MATCH');
      this.expectWord('SET');
      items.push(...this.commaList(() => this.#setItem()));
    }
    return { kind: 'merge', pattern, onCreate, onMatch, start, end: this.lastEnd };
  }

  #set(): Clause {
    const { start } = this;
    this.expectWord('SET');
    const items = this.commaList(() => this.#setItem());
    return { kind: 'set', items, start, end: this.lastEnd };
  }

  #setItem(): SetItem {
    const { start } = this;
    if (this.isName && this.kindAt(this.at + 1) === ':') {
      return { kind: 'labels', ...this.#labelled(), start, end: this.lastEnd };
    }
    if (this.isName && (this.kindAt(this.at + 1) === '=' || this.kindAt(this.at + 1) === '+=')) {
      const target = this.#variable();
      const keep = this.kind === '+=';
      this.at++;
      const value = this.expression();
      return { kind: 'all', target, value, keep, start, end: this.lastEnd };
    }
    const target = this.#property();
    this.expect('=');
    const value = this.expression();
    const span = { start, end: this.lastEnd };
    return target.kind === 'index'
      ? { kind: 'item', target, value, ...span }
      : { kind: 'property', target, value, ...span };
  }

  #variable(): VariableExpression {
    const { text, start, end } = this.name('a variable');
    return { kind: 'variable', name: text, start, end };
  }

  #labelled(): Pick<SetLabels, 'target' | 'labels' | 'computed'> {
    const target = this.#variable();
    const labels: Name[] = [];
    const computed: Expression[] = [];
    this.expect(':');
    do {
      if (this.take('$')) {
        this.expect('(');
        computed.push(this.expression());
        this.expect(')');
      } else labels.push(this.name('a label'));
    } while (this.take(':') || this.take('&'));
    return { target, labels, computed };
  }

  /** What SET and REMOVE may name: a property of a variable, of an expression in brackets, or of a property or item. */
  #property(): PropertyExpression | IndexExpression {
    const target = this.propertyTarget();
    if (target.kind === 'property' || target.kind === 'index') return target;
    this.fail(target, 'UnexpectedSyntax', 'only a property, as in `n.name` or `n[name]`, can be set or removed');
  }

  #remove(): Clause {
    const { start } = this;
    this.expectWord('REMOVE');
    const items = this.commaList((): RemoveItem => {
      const { start } = this;
      if (this.isName && this.kindAt(this.at + 1) === ':') {
        return { kind: 'labels', ...this.#labelled(), start, end: this.lastEnd };
      }
      const target = this.#property();
      const span = { start, end: this.lastEnd };
      return target.kind === 'index' ? { kind: 'item', target, ...span } : { kind: 'property', target, ...span };
    });
    return { kind: 'remove', items, start, end: this.lastEnd };
  }

  #delete(): Clause {
    const { start } = this;
    const detach = this.takeWord('DETACH');
    if (!detach) this.takeWord('NODETACH');
    this.expectWord('DELETE');
    const values = this.commaList(() => this.expression());
    return { kind: 'delete', detach, values, start, end: this.lastEnd };
  }

  #foreach(): Clause {
    const { start } = this;
    this.expectWord('FOREACH');
    this.expect('(');
    const variable = this.name('a variable');
    this.expectWord('IN');
    const list = this.expression();
    this.expect('|');
    const clauses: Clause[] = [];
    this.enter();
    for (;;) {
      const clause = this.#clause();
      if (clause === undefined) break;
      clauses.push(clause);
    }
    this.leave();
    if (clauses.length === 0) this.unexpected('CREATE, MERGE, SET, REMOVE, DELETE or FOREACH');
    this.expect(')');
    return { kind: 'foreach', variable, list, clauses, start, end: this.lastEnd };
  }

  #call(): Clause {
    const { start } = this;
    const optional = this.takeWord('OPTIONAL');
    this.expectWord('CALL');
    if (this.kind === '{' || this.kind === '(') return this.#callSubquery(start, optional);
    let tokens = 1;
    while (this.kindAt(this.at + tokens) === '.') tokens += 2;
    const name = this.dottedName(tokens, 'a procedure');
    let args: Expression[] | undefined;
    if (this.take('(')) {
      args = this.kind === ')' ? [] : this.commaList(() => this.expression());
      this.expect(')');
    }
    let yields: 'all' | YieldItem[] | undefined;
    let where: Expression | undefined;
    if (this.takeWord('YIELD')) {
      yields = this.take('*') ? 'all' : this.yieldItems();
      where = this.where();
    }
    return { kind: 'procedure', optional, name, arguments: args, yields, where, start, end: this.lastEnd };
  }

  protected yieldItems(): YieldItem[] {
    // `YIELD -` says that nothing is wanted.
    if (this.take('-')) return [];
    return this.commaList(() => {
      const name = this.name('a result of the procedure');
      const alias = this.takeWord('AS') ? this.name('a variable') : undefined;
      return { name, alias, start: name.start, end: this.lastEnd };
    });
  }

  #callSubquery(start: number, optional: boolean): Clause {
    let imports: 'all' | Name[] | undefined;
    if (this.take('(')) {
      if (this.take('*')) imports = 'all';
      else imports = this.kind === ')' ? [] : this.commaList(() => this.name('a variable'));
      this.expect(')');
    }
    this.expect('{');
    const query = this.nested(() => this.query());
    this.expect('}');
    return { kind: 'subquery', imports, query, optional, start, end: this.lastEnd };
  }
}
