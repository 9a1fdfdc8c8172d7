/**
 * Statements about what is declared and what there is: CREATE and DROP of indexes and constraints, SHOW. They begin with a word by which
 * `parse-statement.ts` tells them from queries.
 */
import type {
  Clause,
  Name,
  ProjectionClause,
  QueryStatement,
  SchemaContent,
  SchemaStatement,
  Spanned,
  Statement,
  YieldItem,
} from './ast.ts';
import { ClauseParser } from './clause-parser.ts';
import { SHOWN } from './shown.ts';

/** @throws QueryError at compile time, with the place */
export function parseSchemaStatement(text: string): Statement {
  return new SchemaParser(text).statement();
}

/** What a type constraint can ask for, beside lists of these. */
const VALUE_TYPES: readonly string[] = [
  'BOOLEAN',
  'STRING',
  'INTEGER',
  'FLOAT',
  'DATE',
  'LOCAL TIME',
  'ZONED TIME',
  'LOCAL DATETIME',
  'ZONED DATETIME',
  'DURATION',
  'POINT',
];
/** Other names, of the same number of words. */
const TYPE_SYNONYMS: Readonly<Record<string, string | undefined>> = {
  BOOL: 'BOOLEAN',
  INT: 'INTEGER',
  VARCHAR: 'STRING',
};

/** What other servers declare and list. */
const NOT_OFFERED: Readonly<Record<string, string | undefined>> = {
  FULLTEXT: 'full-text indexes are not offered: use CONTAINS, STARTS WITH or `=~`',
  VECTOR: 'vector indexes are not offered',
  POINT: 'indexes of points are not offered: leave it out',
  LOOKUP: 'labels and types are found without an index: leave it out',
  DATABASE: 'a graph is made by a PUT of /v1/graphs/NAME',
  DATABASES: 'GET /v1/graphs lists the graphs',
};

class SchemaParser extends ClauseParser {
  statement(): Statement {
    this.versionPrefix();
    const statement = this.#statement();
    this.expectEnd();
    return statement;
  }

  #statement(): Statement {
    switch (this.word) {
      case 'CREATE':
        return this.#createSchema();
      case 'DROP':
        return this.#dropSchema();
      default:
        return this.#show();
    }
  }

  #createSchema(): SchemaStatement {
    const { start } = this;
    this.expectWord('CREATE');
    for (const word of ['RANGE', 'BTREE', 'TEXT']) this.takeWord(word);
    const isIndex = this.word === 'INDEX';
    if (!isIndex && this.word !== 'CONSTRAINT') this.#unknown('INDEX, CONSTRAINT or a pattern');
    this.at++;
    // `CREATE INDEX ON :Label(property)` names nothing.
    const isNamed = this.isName && !['ON', 'FOR', 'IF'].includes(this.wordAt(this.at));
    const name = isNamed ? this.name('a name').text : undefined;
    const ifNotExists = this.wordAt(this.at) === 'IF';
    if (ifNotExists) for (const word of ['IF', 'NOT', 'EXISTS']) this.expectWord(word);
    const found = isIndex ? this.#index() : this.#constraint();
    if (this.takeWord('OPTIONS')) this.mapLiteral();
    return { kind: 'createSchema', name, ifNotExists, ...found, start, end: this.lastEnd };
  }

  #unknown(wanted: string): never {
    const message = NOT_OFFERED[this.sourceAt(this.at).toUpperCase()];
    if (message === undefined) this.unexpected(wanted);
    this.fail(this.spanAt(this.at), 'UnexpectedSyntax', message);
  }

  #index(): SchemaContent {
    if (this.takeWord('ON')) {
      this.expect(':');
      const label = this.name('a label').text;
      this.expect('(');
      const properties = this.commaList(() => this.name('a property name').text);
      this.expect(')');
      return { what: 'index', on: 'node', label, properties };
    }
    this.expectWord('FOR');
    const { on, label } = this.#schemaPattern();
    this.expectWord('ON');
    this.takeWord('EACH');
    return { what: 'index', on, label, properties: this.#schemaProperties() };
  }

  #constraint(): SchemaContent {
    if (!this.takeWord('FOR')) this.expectWord('ON');
    const { on, label } = this.#schemaPattern();
    if (!this.takeWord('REQUIRE')) this.expectWord('ASSERT');
    if (this.word === 'EXISTS') {
      this.at++;
      return { what: 'exists', on, label, properties: this.#schemaProperties() };
    }
    const properties = this.#schemaProperties();
    if (this.take(':')) {
      this.expect(':');
      return { what: 'type', on, label, properties, types: this.#valueTypes() };
    }
    this.expectWord('IS');
    if (this.take(':')) {
      this.expect(':');
      return { what: 'type', on, label, properties, types: this.#valueTypes() };
    }
    if (this.takeText('TYPED')) return { what: 'type', on, label, properties, types: this.#valueTypes() };
    if (this.takeWord('NOT')) {
      this.expectWord('NULL');
      return { what: 'exists', on, label, properties };
    }
    for (const word of ['NODE', 'RELATIONSHIP', 'REL']) this.takeWord(word);
    if (this.takeWord('KEY')) return { what: 'key', on, label, properties };
    this.expectWord('UNIQUE');
    return { what: 'unique', on, label, properties };
  }

  /** `(n:Label)` or `()-[r:TYPE]-()`, of which only the label or type counts. */
  #schemaPattern(): Pick<SchemaContent, 'on' | 'label'> {
    const part = this.patternPart();
    const [relationship] = part.relationships;
    const labels = relationship === undefined ? part.nodes[0]?.labels : relationship.types;
    if (labels?.kind !== 'label' || part.relationships.length > 1) {
      this.fail(part, 'UnexpectedSyntax', 'an index or constraint is about one label or relationship type');
    }
    return { on: relationship === undefined ? 'node' : 'edge', label: labels.name };
  }

  /** `n.a`, `(n.a, n.b)`. */
  #schemaProperties(): string[] {
    const property = (): string => {
      this.name('a variable');
      this.expect('.');
      return this.name('a property name').text;
    };
    if (!this.take('(')) return [property()];
    const properties = this.commaList(property);
    this.expect(')');
    return properties;
  }

  /** `STRING | INTEGER`, `LIST<DATE NOT NULL>`. */
  #valueTypes(): string[] {
    const types = [this.#valueType()];
    while (this.take('|')) types.push(this.#valueType());
    return types;
  }

  #valueType(): string {
    if (this.takeText('LIST') || this.takeText('ARRAY')) {
      this.expect('<');
      const items = this.#valueType();
      for (const word of ['NOT', 'NULL']) this.expectWord(word);
      this.expect('>');
      return `LIST<${items} NOT NULL>`;
    }
    const { start } = this;
    let text = this.name('a type').text.toUpperCase();
    if (text === 'LOCAL' || text === 'ZONED') text += ` ${this.name('TIME or DATETIME').text.toUpperCase()}`;
    const type = TYPE_SYNONYMS[text] ?? text;
    if (!VALUE_TYPES.includes(type)) {
      this.fail({ start, end: this.lastEnd }, 'UnexpectedSyntax', `expected a type: ${VALUE_TYPES.join(', ')}`);
    }
    return type;
  }

  #dropSchema(): SchemaStatement {
    const { start } = this;
    this.expectWord('DROP');
    const what = this.word === 'INDEX' ? 'index' : 'constraint';
    if (!this.takeWord('INDEX') && !this.takeWord('CONSTRAINT')) this.unexpected('INDEX or CONSTRAINT');
    const target = this.#dropped(what);
    const ifExists = this.takeWord('IF');
    if (ifExists) this.expectWord('EXISTS');
    return { kind: 'dropSchema', what, target, ifExists, start, end: this.lastEnd };
  }

  /** Its name; or, as in older texts, what it was declared with. */
  #dropped(what: 'index' | 'constraint'): string | SchemaContent {
    if (this.word !== 'ON' && this.word !== 'FOR') return this.name('the name of the index or constraint').text;
    return what === 'index' ? this.#index() : this.#constraint();
  }

  /** `SHOW what YIELD ... WHERE ... RETURN ...`, which is a call of the procedure that lists it. */
  #show(): QueryStatement {
    const { start } = this;
    this.expectWord('SHOW');
    const { procedure, only, columns, more } = this.#shown();
    const span = { start, end: this.lastEnd };
    const name = (text: string): Name => ({ text, ...span });
    const usual = columns.map((text): YieldItem => ({ name: name(text), alias: undefined, ...span }));
    const isYielding = this.takeWord('YIELD');
    const isAll = isYielding && this.take('*');
    const all = isAll ? more.map((text): YieldItem => ({ name: name(text), alias: undefined, ...span })) : [];
    const yields = isYielding && !isAll ? this.yieldItems() : [...usual, ...all];
    const rows = isYielding ? this.order() : { orderBy: [], skip: undefined, limit: undefined };
    const where = this.where();
    const asked = yields.map((each) => ({ kind: 'literal', value: each.name.text, ...span }) as const);
    const argument = { kind: 'list', items: asked, ...span } as const;
    const kindOf = { kind: 'literal', value: only ?? null, ...span } as const;
    const call = {
      kind: 'procedure',
      optional: false,
      name: name(procedure),
      arguments: [argument, kindOf],
      yields,
      ...span,
    } as const;
    const part = { kind: 'with', distinct: false, all: true, items: [], ...rows, where, ...span } as const;
    const end = isYielding && this.word === 'RETURN' ? this.projection() : returned(yields, span);
    const clauses: Clause[] = [{ ...call, where: undefined }, part, end];
    return { kind: 'query', mode: 'run', query: { singles: [{ clauses, ...span }], unions: [], ...span }, ...span };
  }

  #shown(): Shown {
    const only = this.#shownKind();
    if (this.takeWord('INDEX') || this.takeWord('INDEXES')) return { ...SHOWN.indexes, only };
    if (this.takeWord('CONSTRAINT') || this.takeWord('CONSTRAINTS')) return { ...SHOWN.constraints, only };
    for (const word of ['BUILT', 'IN', 'USER', 'DEFINED']) if (!this.takeWord(word)) this.takeText(word);
    const isProcedures = this.takeText('PROCEDURES') || this.takeText('PROCEDURE');
    if (!isProcedures && !this.takeText('FUNCTIONS') && !this.takeText('FUNCTION')) {
      this.#unknown('INDEXES, CONSTRAINTS, PROCEDURES or FUNCTIONS');
    }
    for (const word of ['EXECUTABLE', 'BY', 'CURRENT', 'USER']) if (!this.takeWord(word)) this.takeText(word);
    return { ...(isProcedures ? SHOWN.procedures : SHOWN.functions), only: undefined };
  }

  /** `SHOW UNIQUE CONSTRAINTS` and the like. */
  #shownKind(): 'unique' | 'key' | undefined {
    if (this.takeWord('ALL') || this.takeWord('RANGE')) return undefined;
    if (this.takeWord('UNIQUE') || this.takeWord('UNIQUENESS')) return 'unique';
    this.takeWord('NODE');
    return this.takeWord('KEY') ? 'key' : undefined;
  }
}

interface Shown {
  readonly procedure: string;
  readonly only: 'unique' | 'key' | undefined;
  /** Without YIELD, and those that `YIELD *` has beside them. */
  readonly columns: readonly string[];
  readonly more: readonly string[];
}

/** All columns of each, in order. */
function returned(yields: readonly YieldItem[], span: Spanned): ProjectionClause {
  const items = yields.map(({ name, alias }) => {
    const { text, start, end } = alias ?? name;
    return { expression: { kind: 'variable', name: text, start, end }, alias: undefined, start, end } as const;
  });
  const none = { orderBy: [], skip: undefined, limit: undefined, where: undefined };
  return { kind: 'return', distinct: false, all: false, items, ...none, ...span };
}
