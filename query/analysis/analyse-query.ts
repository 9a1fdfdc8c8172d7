/**
 * Checks a query before it is planned: every name is defined, types fit as far as can be known, clauses stand where they
 * may. What is wrong is an error of compile time, also on an empty graph. Planning relies on it.
 */
import { didYouMean } from '../near-name.ts';
import { CATALOG } from '../parts.ts';
import type { PlannerContext } from '../plan/planned-statement.ts';
import type {
  Clause,
  ForeachClause,
  ProcedureClause,
  Query,
  RemoveItem,
  SetItem,
  SingleQuery,
  SubqueryClause,
} from '../syntax/ast.ts';
import { compileError } from '../syntax/source-error.ts';
import { countOf, ExpressionAnalysis, place } from './analyse-expression.ts';
import { PatternAnalysis } from './analyse-pattern.ts';
import { ProjectionAnalysis } from './analyse-projection.ts';
import { type Names, Report, withNames } from './analysis-scope.ts';
import { ANY, maybe, NODE, type StaticType } from './static-type.ts';

/** @throws QueryError, at compile time */
export function analyseQuery(query: Query, text: string, context: PlannerContext): void {
  new QueryAnalysis(text, context).query(query, () => NO_NAMES, 'statement', NO_NAMES);
}

const NO_NAMES: Names = new Map();
const WRITING: ReadonlySet<Clause['kind']> = new Set(['create', 'merge', 'set', 'remove', 'delete', 'foreach']);

class QueryAnalysis {
  readonly #report: Report;
  readonly #context: PlannerContext;
  readonly #expressions: ExpressionAnalysis;
  readonly #patterns: PatternAnalysis;
  readonly #projections: ProjectionAnalysis;

  constructor(text: string, context: PlannerContext) {
    this.#report = new Report(text);
    this.#context = context;
    this.#expressions = new ExpressionAnalysis(this.#report, {
      pattern: (part, names, mayDefine) => this.#patterns.parts([part], names, 'expression', mayDefine),
      query: (query, names) => void this.query(query, () => names, 'expression', names),
    });
    this.#patterns = new PatternAnalysis(this.#report, () => this.#expressions);
    this.#projections = new ProjectionAnalysis(this.#report, this.#expressions);
  }

  /**
   * The columns, or undefined for a query without RETURN.
   * @param constants of a sub-query: names from around it, which no WITH inside takes away
   */
  query(
    query: Query,
    namesOf: (single: SingleQuery) => Names,
    use: 'statement' | 'call' | 'expression',
    constants: Names,
  ): readonly string[] | undefined {
    const columns = query.singles.map((single) => this.#single(single, namesOf(single), use, constants));
    const [first] = columns;
    if (query.unions.some(({ all }) => all !== query.unions[0]?.all)) {
      const mixed = query.unions.find(({ all }) => all !== query.unions[0]?.all) ?? query;
      this.#report.fail(mixed, 'InvalidClauseComposition', 'UNION and UNION ALL cannot be mixed in one query');
    }
    columns.forEach((each, i) => {
      const same = each?.length === first?.length && (each ?? []).every((name) => first?.includes(name) === true);
      if (same) return;
      this.#report.fail(
        query.singles[i] ?? query,
        'DifferentColumnsInUnion',
        'all parts of a UNION have the same columns',
      );
    });
    return first;
  }

  #single(
    { clauses }: SingleQuery,
    before: Names,
    use: 'statement' | 'call' | 'expression',
    constants: Names,
  ): readonly string[] | undefined {
    let names = before;
    let columns: readonly string[] | undefined;
    clauses.forEach((clause, i) => {
      const isLast = i === clauses.length - 1;
      if (clause.kind === 'return' && !isLast) {
        this.#report.fail(clauses[i + 1] ?? clause, 'InvalidClauseComposition', 'nothing can follow RETURN');
      }
      if (use === 'expression' && WRITING.has(clause.kind)) {
        this.#report.fail(clause, 'InvalidClauseComposition', 'a sub-query in an expression only reads');
      }
      const found = this.#clause(clause, names, { isAlone: clauses.length === 1, constants });
      names = found.names;
      const isFinish = clause.kind === 'return' && found.columns?.length === 0;
      const hasColumns = !isFinish && (clause.kind === 'return' || clause.kind === 'procedure');
      columns = hasColumns ? found.columns : undefined;
    });
    const last = clauses.at(-1);
    const ends = last === undefined || last.kind === 'return' || last.kind === 'procedure' || last.kind === 'subquery';
    if (!ends && !WRITING.has(last.kind) && use !== 'expression') {
      this.#report.fail(last, 'InvalidClauseComposition', 'a query ends with RETURN or with a clause that writes');
    }
    return columns;
  }

  #clause(
    clause: Clause,
    names: Names,
    at: { readonly isAlone: boolean; readonly constants: Names },
  ): { readonly names: Names; readonly columns?: readonly string[] } {
    switch (clause.kind) {
      case 'match': {
        const after = this.#patterns.parts(clause.pattern, names, 'match');
        if (clause.where !== undefined) this.#expressions.condition(clause.where, place(after));
        return { names: after };
      }
      case 'unwind': {
        const type = this.#expressions.check(clause.list, place(names));
        return { names: this.#define(names, clause.variable, type.item ?? ANY) };
      }
      case 'with':
      case 'return':
        return this.#projections.check(clause, names, at.constants);
      case 'create':
        return { names: this.#patterns.parts(clause.pattern, names, 'create') };
      case 'merge': {
        const after = this.#patterns.parts([clause.pattern], names, 'merge');
        this.#setItems([...clause.onCreate, ...clause.onMatch], after);
        return { names: after };
      }
      case 'set':
      case 'remove':
        this.#setItems(clause.items, names);
        return { names };
      case 'delete':
        for (const value of clause.values) {
          if (value.kind === 'labels') {
            this.#report.fail(value, 'InvalidDelete', 'labels are taken away by REMOVE, not by DELETE');
          }
          const type = this.#expressions.check(value, place(names));
          if (!maybe(type, 'node', 'edge', 'path')) {
            this.#report.fail(value, 'InvalidArgumentType', `a ${type.kind} cannot be deleted`);
          }
        }
        return { names };
      case 'foreach':
        return { names: this.#foreach(clause, names) };
      case 'procedure':
        return this.#procedure(clause, names, at.isAlone);
      case 'subquery':
        return { names: this.#subquery(clause, names) };
    }
  }

  #define(
    names: Names,
    variable: { readonly text: string; readonly start: number; readonly end: number },
    type: StaticType,
  ): Names {
    if (names.has(variable.text)) this.#report.alreadyBound(variable, variable.text);
    return withNames(names, [[variable.text, type]]);
  }

  #setItems(items: readonly (SetItem | RemoveItem)[], names: Names): void {
    for (const item of items) {
      const target = item.kind === 'property' || item.kind === 'item' ? item.target.of : item.target;
      const type = this.#expressions.check(target, place(names));
      const isLabel = item.kind === 'labels';
      if (!(isLabel ? maybe(type, NODE.kind) : maybe(type, 'node', 'edge', 'map'))) {
        this.#report.fail(target, 'InvalidArgumentType', `a ${type.kind} cannot be written to`);
      }
      if (item.kind === 'item') this.#expressions.check(item.target.index, place(names));
      if (item.kind === 'labels') for (const each of item.computed) this.#expressions.check(each, place(names));
      if ('value' in item) this.#expressions.check(item.value, place(names));
    }
  }

  #foreach(clause: ForeachClause, names: Names): Names {
    const list = this.#expressions.check(clause.list, place(names));
    if (!maybe(list, 'list')) {
      this.#report.fail(clause.list, 'InvalidArgumentType', `FOREACH takes a list, not a ${list.kind}`);
    }
    let inner = withNames(names, [[clause.variable.text, list.item ?? ANY]]);
    for (const each of clause.clauses) {
      if (!WRITING.has(each.kind)) {
        this.#report.fail(each, 'InvalidClauseComposition', 'FOREACH holds nothing but clauses that write');
      }
      inner = this.#clause(each, inner, { isAlone: false, constants: NO_NAMES }).names;
    }
    return names;
  }

  #procedure(
    clause: ProcedureClause,
    names: Names,
    isAlone: boolean,
  ): { readonly names: Names; readonly columns: readonly string[] } {
    const { name, arguments: args, yields } = clause;
    const signature = this.#context.procedure(name.text);
    if (signature === undefined) {
      const { elsewhere, procedures } = CATALOG.get();
      const hint = elsewhere(name.text) ?? didYouMean(name.text, procedures.keys());
      const message = `there is no procedure \`${name.text}\`${hint}`;
      throw compileError(this.#report.text, name, 'ProcedureNotFound', message, 'ProcedureError');
    }
    const required = signature.arguments.filter(({ optional }) => optional !== true).length;
    if (args === undefined && !isAlone && required > 0) {
      const message = 'only a call that stands alone takes its arguments from the parameters';
      this.#report.fail(clause, 'InvalidArgumentPassingMode', message);
    }
    if (args !== undefined && (args.length < required || args.length > signature.arguments.length)) {
      const atMost = required < signature.arguments.length ? 'at most ' : '';
      const message = `${name.text}() takes ${atMost}${countOf(signature.arguments.length)}, not ${args.length}`;
      this.#report.fail(clause, 'InvalidNumberOfArguments', message);
    }
    args?.forEach((argument, i) => {
      const type = this.#expressions.check(argument, place(names));
      const wanted = signature.arguments[i]?.type ?? 'ANY';
      if (!accepts(wanted, type)) {
        this.#report.fail(argument, 'InvalidArgumentType', `${name.text}() takes ${wanted} here, not a ${type.kind}`);
      }
    });
    const taken =
      yields === 'all' || (yields === undefined && isAlone)
        ? signature.results.map((result) => ({ text: result.name, start: clause.start, end: clause.end }))
        : (yields ?? []).map((item) => {
            if (!signature.results.some((result) => result.name === item.name.text)) {
              const known = signature.results.map((result) => result.name).join(', ');
              const message = `${name.text}() has no result \`${item.name.text}\`; it yields ${known}`;
              this.#report.fail(item.name, 'UndefinedVariable', message);
            }
            return item.alias ?? item.name;
          });
    let after = names;
    for (const variable of taken) after = this.#define(after, variable, ANY);
    if (clause.where !== undefined) this.#expressions.condition(clause.where, place(after));
    return { names: after, columns: taken.map(({ text }) => text) };
  }

  #subquery(clause: SubqueryClause, names: Names): Names {
    const { imports } = clause;
    if (imports !== undefined && imports !== 'all') {
      for (const each of imports) if (!names.has(each.text)) this.#report.undefinedVariable(each, each.text);
    }
    const constants =
      imports === 'all' ? names : new Map((imports ?? []).map(({ text }) => [text, names.get(text) ?? ANY]));
    // A first WITH imports what it names, if nothing else says what is imported; what comes next may drop it.
    const namesOf = ({ clauses }: SingleQuery) =>
      imports === undefined && clauses[0]?.kind === 'with' ? names : constants;
    const columns = this.query(clause.query, namesOf, 'call', constants);
    let after = names;
    for (const text of columns ?? []) after = this.#define(after, { text, start: clause.start, end: clause.end }, ANY);
    return after;
  }
}

/** Whether a procedure may take a value of the type where it wants one of its own, e.g. `INTEGER?`. */
function accepts(wanted: string, type: StaticType): boolean {
  const name = wanted.replace(/\?$/, '').toUpperCase();
  switch (name) {
    case 'INTEGER':
      return maybe(type, 'integer');
    case 'FLOAT':
    case 'NUMBER':
      return maybe(type, 'integer', 'float');
    case 'STRING':
      return maybe(type, 'string');
    case 'BOOLEAN':
      return maybe(type, 'boolean');
    default:
      return true;
  }
}
