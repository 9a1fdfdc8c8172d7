/**
 * A second evaluator, as plain as can be: every clause takes a whole table and gives a whole table, every pattern is tried
 * with every node and edge, and nothing is planned. It shares the parser with the engine, and not a line beyond it, so
 * that where both agree, what they say follows from the text and not from how one of them works.
 */

import type {
  Clause,
  MatchClause,
  PatternPart,
  ProjectionClause,
  Query,
  SingleQuery,
  SubqueryClause,
} from '../syntax/ast.ts';
import { parseStatement } from '../syntax/parse-statement.ts';
import { evaluate, hasAggregate, holds, type Scope, type Surroundings } from './plain-expressions.model.ts';
import type { PlainGraph } from './plain-graph.model.ts';
import { layPattern } from './plain-patterns.model.ts';
import {
  distinctBy,
  isPlainList,
  NotModelled,
  type Plain,
  PlainError,
  plainOrder,
  type Row,
} from './plain-values.model.ts';
import { PlainWrites } from './plain-writes.model.ts';

export interface PlainAnswer {
  readonly fields: readonly string[];
  readonly rows: readonly (readonly Plain[])[];
}

/** The variables of all rows, and the rows. */
interface Table {
  readonly names: readonly string[];
  readonly rows: readonly Row[];
}

/**
 * Runs a statement on a graph, which it changes.
 * @throws PlainError where the language says that running it is an error: the graph is then worth nothing
 * @throws NotModelled where the model cannot say; what is wrong at compile time is for others to find
 */
export function answerPlainly(text: string, graph: PlainGraph): PlainAnswer {
  const statement = parseStatement(text);
  if (statement.kind !== 'query') throw new NotModelled(statement.kind);
  const answer = new Queries(text, graph).answer(statement.query, new Map(), new Map());
  graph.check();
  return answer;
}

class Queries implements Surroundings {
  readonly #text: string;
  readonly #graph: PlainGraph;
  readonly #writes: PlainWrites;

  constructor(text: string, graph: PlainGraph) {
    this.#text = text;
    this.#graph = graph;
    this.#writes = new PlainWrites(graph, this);
  }

  matches(parts: readonly PatternPart[], where: MatchClause['where'], row: Row): readonly Row[] {
    return layPattern(this.#graph, this, { parts, where, row });
  }

  answers(query: Query, row: Row): PlainAnswer['rows'] {
    return this.answer(query, row, row).rows;
  }

  /**
   * @param first what the first clause of each part sees
   * @param kept what all clauses see, whatever a WITH leaves out
   */
  answer(query: Query, first: Row, kept: Row): PlainAnswer {
    let answer: PlainAnswer | undefined;
    query.singles.forEach((single, i) => {
      const { fields, rows } = this.#single(single, first, kept);
      if (answer === undefined) {
        answer = { fields, rows };
        return;
      }
      const columns = answer.fields.map((name) => fields.indexOf(name));
      const both = [...answer.rows, ...rows.map((row) => columns.map((column) => row[column] as Plain))];
      const all = query.unions[i - 1]?.all === true;
      answer = { fields: answer.fields, rows: all ? both : distinctBy(both, (row) => row) };
    });
    if (answer === undefined) throw new NotModelled('no query');
    return answer;
  }

  #single({ clauses }: SingleQuery, first: Row, kept: Row): PlainAnswer {
    let table: Table = { names: Array.from(first.keys()), rows: [first] };
    for (const clause of clauses) {
      if (clause.kind === 'return') {
        const { names, rows } = this.#projection(clause, table, new Map());
        return { fields: names, rows: rows.map((row) => names.map((name) => row.get(name) as Plain)) };
      }
      table = this.#clause(clause, table, kept);
    }
    return { fields: [], rows: table.rows.map(() => []) };
  }

  #clause(clause: Clause, table: Table, kept: Row): Table {
    switch (clause.kind) {
      case 'match':
        return this.#match(clause, table);
      case 'unwind': {
        const name = clause.variable.text;
        const rows = table.rows.flatMap((row) => {
          const list = evaluate(clause.list, this.#scope(row));
          const items = list === null ? [] : isPlainList(list) ? list : [list];
          return items.map((item) => new Map(row).set(name, item));
        });
        return { names: [...table.names, name], rows };
      }
      case 'with':
        return this.#projection(clause, table, kept);
      case 'subquery':
        return this.#subquery(clause, table);
      case 'foreach': {
        for (const row of table.rows) {
          const list = evaluate(clause.list, this.#scope(row));
          if (list !== null && !isPlainList(list)) throw new PlainError('no list');
          for (const item of list ?? []) {
            const inner = new Map(row).set(clause.variable.text, item);
            let own: Table = { names: Array.from(inner.keys()), rows: [inner] };
            for (const each of clause.clauses) own = this.#clause(each, own, new Map());
          }
        }
        return table;
      }
      case 'create':
      case 'merge':
      case 'set':
      case 'remove':
      case 'delete': {
        const { names, rows } = this.#writes.write(clause, table.rows);
        return { names: [...new Set([...table.names, ...names])], rows };
      }
      default:
        throw new NotModelled(clause.kind);
    }
  }

  #scope(row: Row): Scope {
    return { row, group: undefined, around: this };
  }

  #match({ pattern, where, optional }: MatchClause, { names, rows }: Table): Table {
    const added = pattern.flatMap(variablesOf).filter((name) => !names.includes(name));
    const absent = (row: Row): Row => new Map([...row, ...added.map((name) => [name, null] as const)]);
    const found = rows.flatMap((row) => {
      const all = this.matches(pattern, where, row);
      return all.length === 0 && optional ? [absent(row)] : all;
    });
    return { names: [...new Set([...names, ...added])], rows: found };
  }

  #subquery({ imports, query, optional }: SubqueryClause, table: Table): Table {
    const returns = query.singles[0]?.clauses.at(-1)?.kind === 'return';
    let fields: readonly string[] | undefined;
    const rows = table.rows.flatMap((row) => {
      const names = imports === undefined || imports === 'all' ? undefined : imports.map(({ text }) => text);
      const seen: Row = names === undefined ? row : new Map(names.map((name) => [name, row.get(name) ?? null]));
      const importing = query.singles[0]?.clauses[0]?.kind === 'with';
      const answer =
        imports !== undefined
          ? this.answer(query, seen, seen)
          : this.answer(query, importing ? row : new Map(), new Map());
      fields = answer.fields;
      if (!returns) return [row];
      const found = answer.rows.map(
        (each) => new Map([...row, ...answer.fields.map((name, i) => [name, each[i] as Plain] as const)]),
      );
      if (found.length > 0 || !optional) return found;
      return [new Map([...row, ...answer.fields.map((name) => [name, null] as const)])];
    });
    const added = fields ?? columnsOf(query);
    return { names: returns ? [...table.names, ...added] : table.names, rows };
  }

  #projection(clause: ProjectionClause, table: Table, kept: Row): Table {
    const starred = clause.all ? table.names.filter((name) => !kept.has(name)).sort() : [];
    const items = clause.items.map((item) => ({ ...item, name: this.#columnName(item) }));
    const names = [...starred, ...items.map(({ name }) => name)];
    const keys = items.filter(({ expression }) => !hasAggregate(expression));
    const isGrouped = keys.length < items.length;
    const groups: (readonly Row[])[] = [];
    if (isGrouped) {
      const keyOf = (row: Row) => [
        ...starred.map((name) => row.get(name) as Plain),
        ...keys.map(({ expression }) => evaluate(expression, this.#scope(row))),
      ];
      for (const [leader] of distinctBy(
        table.rows.map((row) => [row, keyOf(row)] as const),
        ([, key]) => key,
      )) {
        const key = keyOf(leader);
        groups.push(table.rows.filter((row) => plainOrder(keyOf(row), key) === 0));
      }
      if (groups.length === 0 && starred.length + keys.length === 0) groups.push([]);
    } else {
      groups.push(...table.rows.map((row) => [row]));
    }
    let made = groups.map((group) => {
      const before = group[0] ?? kept;
      const scope: Scope = { row: before, group: isGrouped ? group : undefined, around: this };
      const values = [
        ...starred.map((name) => [name, before.get(name) as Plain] as const),
        ...items.map(({ name, expression }) => [name, evaluate(expression, scope)] as const),
      ];
      const after: Row = new Map([...kept, ...values]);
      return { after, scope: { ...scope, row: new Map([...before, ...values]) } };
    });
    if (clause.distinct) made = distinctBy(made, ({ after }) => names.map((name) => after.get(name) as Plain));
    made = this.#part(clause, made);
    made = made.filter(({ scope }) => holds(clause.where, scope));
    return { names: [...new Set([...kept.keys(), ...names])], rows: made.map(({ after }) => after) };
  }

  /** ORDER BY, SKIP and LIMIT. */
  #part<T extends { readonly scope: Scope }>({ orderBy, skip, limit }: ProjectionClause, made: readonly T[]): T[] {
    const keyed = made.map((each) => ({
      each,
      keys: orderBy.map(({ expression }) => evaluate(expression, each.scope)),
    }));
    keyed.sort((a, b) => {
      for (const [i, { descending }] of orderBy.entries()) {
        const order = plainOrder(a.keys[i] as Plain, b.keys[i] as Plain);
        if (order !== 0) return descending ? -order : order;
      }
      return 0;
    });
    const count = (expression: ProjectionClause['skip'], otherwise: number): number => {
      if (expression === undefined) return otherwise;
      const value = evaluate(expression, this.#scope(new Map()));
      if (typeof value !== 'bigint' || value < 0n) throw new PlainError('no count');
      return Number(value);
    };
    const start = count(skip, 0);
    return keyed.slice(start, start + count(limit, keyed.length)).map(({ each }) => each);
  }

  #columnName({ alias, expression, start, end }: ProjectionClause['items'][number]): string {
    if (alias !== undefined) return alias.text;
    return expression.kind === 'variable' ? expression.name : this.#text.slice(start, end);
  }
}

function variablesOf({ variable, nodes, relationships }: PatternPart): readonly string[] {
  const names = [variable, ...nodes.map((each) => each.variable), ...relationships.map((each) => each.variable)];
  return names.flatMap((name) => (name === undefined ? [] : [name.text]));
}

/** What a query returns that never ran. */
function columnsOf({ singles }: Query): readonly string[] {
  const last = singles[0]?.clauses.at(-1);
  if (last?.kind !== 'return') return [];
  if (last.all) throw new NotModelled('columns of a star that never ran');
  return last.items.map(
    ({ alias, expression }) => alias?.text ?? (expression.kind === 'variable' ? expression.name : ''),
  );
}
