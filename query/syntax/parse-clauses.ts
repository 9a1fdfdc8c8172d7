/** Queries: clauses in the order in which they stand. Which may follow which, analysis says. */
import type {
  Clause,
  Expression,
  MatchClause,
  MergeClause,
  Name,
  ProcedureClause,
  ProjectionClause,
  ProjectionItem,
  Query,
  RemoveItem,
  SetItem,
  SingleQuery,
  SortItem,
  SubqueryClause,
  YieldItem,
} from './ast.ts';
import { ExpressionParser } from './parse-expressions.ts';

export class QueryParser extends ExpressionParser {
  protected query(): Query {
    return this.nested(() => {
      const { start } = this;
      const singles = [this.#single()];
      const unions: Query['unions'][number][] = [];
      while (this.word() === 'UNION') {
        const at = this.start;
        this.skip();
        const all = this.eatWord('ALL');
        if (!all) this.eatWord('DISTINCT');
        unions.push({ all, ...this.span(at) });
        singles.push(this.#single());
      }
      return { singles, unions, ...this.span(start) };
    });
  }

  #single(): SingleQuery {
    const { start } = this;
    const clauses = this.#clauses();
    if (clauses.length === 0) this.fail('expected a clause, such as MATCH or RETURN');
    return { clauses, ...this.span(start) };
  }

  #clauses(): Clause[] {
    const clauses: Clause[] = [];
    for (let clause = this.#clause(); clause !== undefined; clause = this.#clause()) clauses.push(clause);
    return clauses;
  }

  #clause(): Clause | undefined {
    const { start } = this;
    switch (this.word()) {
      case 'MATCH':
        return this.#match(start, false);
      case 'OPTIONAL':
        this.skip();
        return this.word() === 'CALL' ? this.#call(start, true) : this.#match(start, true);
      case 'UNWIND':
        return this.#unwind(start);
      case 'WITH':
      case 'RETURN':
        return this.#projection(start);
      case 'CREATE':
        this.skip();
        return { kind: 'create', pattern: this.patterns(), ...this.span(start) };
      case 'MERGE':
        return this.#merge(start);
      case 'SET':
        this.skip();
        return { kind: 'set', items: this.#setItems(), ...this.span(start) };
      case 'REMOVE':
        return this.#remove(start);
      case 'DETACH':
      case 'NODETACH':
      case 'DELETE':
        return this.#delete(start);
      case 'FOREACH':
        return this.#foreach(start);
      case 'CALL':
        return this.#call(start, false);
      default:
        return undefined;
    }
  }

  #match(start: number, optional: boolean): MatchClause {
    this.needWord('MATCH');
    const pattern = this.patterns();
    const where = this.eatWord('WHERE') ? this.expression() : undefined;
    return { kind: 'match', optional, pattern, where, ...this.span(start) };
  }

  #unwind(start: number): Clause {
    this.skip();
    const list = this.expression();
    this.needWord('AS');
    return { kind: 'unwind', list, variable: this.name('a variable'), ...this.span(start) };
  }

  #projection(start: number): ProjectionClause {
    const kind = this.word() === 'WITH' ? 'with' : 'return';
    this.skip();
    const distinct = this.eatWord('DISTINCT');
    const all = this.eat('*');
    const items: ProjectionItem[] = [];
    if (!all || this.eat(',')) {
      do items.push(this.#projectionItem());
      while (this.eat(','));
    }
    const orderBy = this.#orderBy();
    const skip = this.eatWord('SKIP') || this.eatWord('OFFSET') ? this.expression() : undefined;
    const limit = this.eatWord('LIMIT') ? this.expression() : undefined;
    const where = kind === 'with' && this.eatWord('WHERE') ? this.expression() : undefined;
    return { kind, distinct, all, items, orderBy, skip, limit, where, ...this.span(start) };
  }

  #projectionItem(): ProjectionItem {
    const { start } = this;
    const expression = this.expression();
    const span = this.span(start);
    return { expression, alias: this.eatWord('AS') ? this.name('an alias') : undefined, ...span };
  }

  #orderBy(): SortItem[] {
    const items: SortItem[] = [];
    if (!this.eatWord('ORDER')) return items;
    this.needWord('BY');
    do {
      const expression = this.expression();
      const descending = this.eatWord('DESC') || this.eatWord('DESCENDING');
      if (!descending && !this.eatWord('ASC')) this.eatWord('ASCENDING');
      items.push({ expression, descending });
    } while (this.eat(','));
    return items;
  }

  #merge(start: number): MergeClause {
    this.skip();
    const pattern = this.patternPart();
    const onCreate: SetItem[] = [];
    const onMatch: SetItem[] = [];
    while (this.eatWord('ON')) {
      const isMatch = this.eatWord('MATCH');
      if (!isMatch) this.needWord('CREATE');
      this.needWord('SET');
      (isMatch ? onMatch : onCreate).push(...this.#setItems());
    }
    return { kind: 'merge', pattern, onCreate, onMatch, ...this.span(start) };
  }

  #setItems(): SetItem[] {
    const items = [this.#setItem()];
    while (this.eat(',')) items.push(this.#setItem());
    return items;
  }

  #setItem(): SetItem {
    const { start } = this;
    const target = this.postfix();
    if (target.kind === 'labels' && target.of.kind === 'variable') {
      const labels = this.#labelNames(target);
      return { kind: 'labels', target: target.of, labels, ...this.span(start) };
    }
    if (target.kind === 'property') {
      this.need('=');
      return { kind: 'property', target, value: this.expression(), ...this.span(start) };
    }
    if (target.kind !== 'variable') this.fail('expected a property, a variable or labels to set');
    const keep = this.eat('+=');
    if (!keep) this.need('=');
    return { kind: 'all', target, value: this.expression(), keep, ...this.span(start) };
  }

  /** `:A:B`, nothing but labels that all are meant. */
  #labelNames({ labels }: Extract<Expression, { kind: 'labels' }>): Name[] {
    const names: Name[] = [];
    const visit = (expression: typeof labels): void => {
      if (expression.kind === 'label')
        names.push({ text: expression.name, start: expression.start, end: expression.end });
      else if (expression.kind === 'and') {
        visit(expression.left);
        visit(expression.right);
      } else this.fail('labels are set and removed by their names');
    };
    visit(labels);
    return names;
  }

  #remove(start: number): Clause {
    this.skip();
    const items = [this.#removeItem()];
    while (this.eat(',')) items.push(this.#removeItem());
    return { kind: 'remove', items, ...this.span(start) };
  }

  #removeItem(): RemoveItem {
    const { start } = this;
    const target = this.postfix();
    if (target.kind === 'labels' && target.of.kind === 'variable') {
      return { kind: 'labels', target: target.of, labels: this.#labelNames(target), ...this.span(start) };
    }
    if (target.kind !== 'property') this.fail('expected a property or labels to remove');
    return { kind: 'property', target, ...this.span(start) };
  }

  #delete(start: number): Clause {
    const detach = this.eatWord('DETACH');
    if (!detach) this.eatWord('NODETACH');
    this.needWord('DELETE');
    const values = [this.expression()];
    while (this.eat(',')) values.push(this.expression());
    return { kind: 'delete', detach, values, ...this.span(start) };
  }

  #foreach(start: number): Clause {
    return this.nested(() => {
      this.skip();
      this.need('(');
      const variable = this.name('a variable');
      this.needWord('IN');
      const list = this.expression();
      this.need('|');
      const clauses = this.#clauses();
      if (clauses.length === 0) this.fail('expected a clause that writes');
      this.need(')');
      return { kind: 'foreach', variable, list, clauses, ...this.span(start) };
    });
  }

  #call(start: number, optional: boolean): ProcedureClause | SubqueryClause {
    this.needWord('CALL');
    if (this.kind() === '{' || this.kind() === '(') return this.#subqueryCall(start, optional);
    const name = this.dottedName();
    let args: Expression[] | undefined;
    if (this.eat('(')) {
      args = [];
      if (this.kind() !== ')') {
        do args.push(this.expression());
        while (this.eat(','));
      }
      this.need(')');
    }
    let yields: ProcedureClause['yields'];
    let where: Expression | undefined;
    if (this.eatWord('YIELD')) {
      yields = this.#yields();
      if (this.eatWord('WHERE')) where = this.expression();
    }
    return { kind: 'procedure', name, arguments: args, yields, where, ...this.span(start) };
  }

  #yields(): 'all' | YieldItem[] {
    if (this.eat('*')) return 'all';
    if (this.eat('-')) return [];
    const items: YieldItem[] = [];
    do {
      const { start } = this;
      const name = this.name('the name of a result');
      items.push({ name, alias: this.eatWord('AS') ? this.name('an alias') : undefined, ...this.span(start) });
    } while (this.eat(','));
    return items;
  }

  #subqueryCall(start: number, optional: boolean): SubqueryClause {
    let imports: SubqueryClause['imports'];
    if (this.eat('(')) {
      if (this.eat('*')) imports = 'all';
      else {
        const names: Name[] = [];
        if (this.kind() !== ')') {
          do names.push(this.name('a variable'));
          while (this.eat(','));
        }
        imports = names;
      }
      this.need(')');
    }
    this.need('{');
    const query = this.query();
    this.need('}');
    return { kind: 'subquery', imports, query, optional, ...this.span(start) };
  }
}
