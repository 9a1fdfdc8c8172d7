/**
 * Random statements over most of the language, for tests that run one statement in two ways. What a statement answers does
 * not depend on the order of rows that nobody asked for: lists of collected values are only counted, summed and asked,
 * SKIP and LIMIT follow an order of all columns, and SET writes what no other row contradicts.
 */
import fc, { type GeneratorValue } from 'fast-check';

/** What a variable is known to hold, or null. */
type Kind = 'node' | 'edge' | 'int' | 'list' | 'path';

interface Variable {
  readonly name: string;
  readonly kind: Kind;
}

type Scope = readonly Variable[];

export interface RandomStatement {
  /** With `«1»` for the integer 1, which may be written as a literal or given as a parameter. */
  readonly template: string;
  readonly writes: boolean;
}

export function literalForm({ template }: RandomStatement): string {
  return template.replaceAll(/[«»]/g, '');
}

export function parameterForm({ template }: RandomStatement): { text: string; parameters: Record<string, number> } {
  const parameters: Record<string, number> = {};
  const text = template.replaceAll(/«(\d+)»/g, (_, digits: string) => {
    parameters[`p${digits}`] = Number(digits);
    return `$p${digits}`;
  });
  return { text, parameters };
}

/** Statements about nodes with labels A, B, C and relationships of types R, S, all with an integer `x`. */
export function randomStatement(): fc.Arbitrary<RandomStatement> {
  return fc.gen().map((gen) => new Statement(gen).make());
}

const DEPTH_MAX = 3;

class Statement {
  readonly #gen: GeneratorValue;
  #names = 0;
  #depth = 0;
  #constants: Scope = [];

  constructor(gen: GeneratorValue) {
    this.#gen = gen;
  }

  make(): RandomStatement {
    const writes = this.#chance(4);
    const { text, scope } = this.#clauses([], this.#number(1, 4));
    const end = this.#chance(8) && !writes ? ` UNION ${this.#chance(2) ? 'ALL ' : ''}${this.#unionPart()}` : '';
    if (end !== '') return { template: `${text} RETURN ${this.#int(scope)} AS u${end}`, writes };
    if (!writes) return { template: `${text} ${this.#return(scope)}`, writes };
    const written = this.#write(scope);
    return { template: `${text} ${written.text} ${this.#return(written.scope)}`, writes };
  }

  // --- choices

  #number(min: number, max: number): number {
    return this.#gen(fc.integer, { min, max });
  }

  #chance(oneIn: number): boolean {
    return this.#number(1, oneIn) === 1;
  }

  #one<T>(...choices: readonly (() => T)[]): T {
    return (choices[this.#number(0, choices.length - 1)] as () => T)();
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#number(0, list.length - 1)] as T;
  }

  #fresh(): string {
    return `v${this.#names++}`;
  }

  #of(scope: Scope, kind: Kind): readonly string[] {
    return scope.filter((each) => each.kind === kind).map(({ name }) => name);
  }

  #deeper(make: () => string, flat: () => string): string {
    if (this.#depth >= DEPTH_MAX) return flat();
    this.#depth++;
    const text = make();
    this.#depth--;
    return text;
  }

  // --- clauses

  #clauses(before: Scope, count: number): { readonly text: string; readonly scope: Scope } {
    let scope = before;
    const texts: string[] = [];
    for (let i = 0; i < count; i++) {
      const made = this.#clause(scope);
      texts.push(made.text);
      scope = made.scope;
    }
    return { text: texts.join(' '), scope };
  }

  #clause(scope: Scope): { readonly text: string; readonly scope: Scope } {
    return this.#one(
      () => this.#match(scope, 'MATCH'),
      () => this.#match(scope, 'MATCH'),
      () => this.#match(scope, 'OPTIONAL MATCH'),
      () => this.#unwind(scope),
      () => this.#with(scope),
      () => this.#with(scope),
      () => this.#call(scope),
    );
  }

  #match(scope: Scope, word: string): { readonly text: string; readonly scope: Scope } {
    const own: Variable[] = [...scope];
    if (this.#chance(12)) {
      const [a, b, path, length] = [this.#node(own), this.#node(own), this.#fresh(), this.#fresh()];
      const shortest = `${path} = shortestPath((${a})-[:R|S*..3]-(${b}))`;
      // Between two nodes that are one there is no shortest path; which one of several is found is open.
      const text = `MATCH (${a}), (${b}) ${word} ${shortest} WHERE ${a} <> ${b}`;
      const kept = own.map(({ name }) => name);
      return {
        text: `${text} WITH ${[...kept, `length(${path}) AS ${length}`].join(', ')}`,
        scope: [...own, { name: length, kind: 'int' }],
      };
    }
    const parts = [this.#path(own)];
    if (this.#chance(4)) parts.push(this.#path(own));
    let text = parts.join(', ');
    if (this.#chance(6)) {
      const name = this.#fresh();
      text = `${name} = ${text}`;
      own.push({ name, kind: 'path' });
    }
    const where = this.#chance(2) ? ` WHERE ${this.#bool(own)}` : '';
    return { text: `${word} ${text}${where}`, scope: own };
  }

  /** A node that may be known. */
  #node(own: Variable[]): string {
    const known = this.#of(own, 'node');
    if (known.length > 0 && this.#chance(2)) return this.#pick(known);
    const name = this.#fresh();
    own.push({ name, kind: 'node' });
    return name;
  }

  #path(own: Variable[]): string {
    let text = this.#nodePattern(own);
    const length = this.#number(0, 2);
    for (let i = 0; i < length; i++) text += this.#edgePattern(own) + this.#nodePattern(own);
    return text;
  }

  #nodePattern(own: Variable[]): string {
    const name = this.#chance(4) ? '' : this.#node(own);
    const labels = this.#pick(['', '', ':A', ':B', ':A|C', ':!B', ':A&!C', ':%', ":$('A')", ":B|$(['A', 'C'])"]);
    const properties = this.#chance(6)
      ? ` {x: ${this.#simpleInt(own.filter((each) => each.name !== name && each.kind === 'int'))}}`
      : '';
    const where = this.#chance(10) && name !== '' ? ` WHERE ${name}.x > «0»` : '';
    return `(${name}${labels}${properties}${where})`;
  }

  #edgePattern(own: Variable[]): string {
    const types = this.#pick(['', ':R', ':S', ':R|S', ':!R', ":$('R')"]);
    const [left, right] = this.#pick([
      ['-', '->'],
      ['<-', '-'],
      ['-', '-'],
    ]);
    if (this.#chance(5)) {
      const range = this.#pick(['*1..2', '*0..1', '*2', '*..2', '*0..2']);
      const properties = this.#chance(4) ? ' {x: «1»}' : '';
      return `${left}[${types}${range}${properties}]${right}`;
    }
    if (this.#chance(2)) return `${left}[${types}]${right}`;
    const name = this.#fresh();
    own.push({ name, kind: 'edge' });
    return `${left}[${name}${types}]${right}`;
  }

  #unwind(scope: Scope): { readonly text: string; readonly scope: Scope } {
    const name = this.#fresh();
    return { text: `UNWIND ${this.#list(scope)} AS ${name}`, scope: [...scope, { name, kind: 'int' }] };
  }

  #with(scope: Scope): { readonly text: string; readonly scope: Scope } {
    if (scope.length > 0 && this.#chance(4)) {
      const name = this.#fresh();
      return { text: `WITH *, ${this.#int(scope)} AS ${name}`, scope: [...scope, { name, kind: 'int' }] };
    }
    const { items, scope: own, grouped } = this.#items(scope);
    const distinct = this.#chance(4) ? 'DISTINCT ' : '';
    let text = `WITH ${distinct}${items.join(', ')}`;
    if (this.#chance(4)) text += this.#order(own);
    const after = [...own, ...this.#constants.filter((constant) => !own.some(({ name }) => name === constant.name))];
    if (this.#chance(3)) text += ` WHERE ${grouped || distinct !== '' ? this.#simpleBool(after) : this.#bool(own)}`;
    return { text, scope: after };
  }

  /** Makes a sub-query in which these stay visible, whatever a WITH leaves out. */
  #around<T>(constants: Scope, make: () => T): T {
    const before = this.#constants;
    this.#constants = constants;
    const made = make();
    this.#constants = before;
    return made;
  }

  /** An order of all columns, and a part of the rows. */
  #order(own: Scope): string {
    const keys = own.map(({ name, kind }) => (kind === 'node' || kind === 'edge' ? `elementId(${name})` : name));
    const sorted = keys.map((key) => `${key}${this.#chance(2) ? ' DESC' : ''}`).join(', ');
    return ` ORDER BY ${sorted}${this.#chance(2) ? ` SKIP «${this.#number(0, 2)}»` : ''} LIMIT «${this.#number(0, 5)}»`;
  }

  #items(scope: Scope): { readonly items: string[]; readonly scope: Scope; readonly grouped: boolean } {
    const kept = scope.filter(() => this.#chance(2));
    const items = kept.map(({ name }) => name);
    const own: Variable[] = [...kept];
    const grouped = this.#chance(2);
    const count = this.#number(items.length === 0 ? 1 : 0, 2);
    for (let i = 0; i < count; i++) {
      const name = this.#fresh();
      const value = grouped ? this.#aggregate(scope, kept) : this.#int(scope);
      items.push(`${value} AS ${name}`);
      own.push({ name, kind: 'int' });
    }
    return { items, scope: own, grouped: grouped && count > 0 };
  }

  #aggregate(scope: Scope, keys: Scope): string {
    const value = () => this.#int(scope);
    const one = this.#one(
      () => 'count(*)',
      () => `count(${value()})`,
      () => `count(DISTINCT ${value()})`,
      () => `sum(${value()})`,
      () => `min(${value()})`,
      () => `max(${value()})`,
      () => `size(collect(${value()}))`,
      () => `size(collect(DISTINCT ${value()}))`,
      () => `reduce(s = «0», i IN collect(${value()}) | s + i)`,
      () => `toInteger(avg(${value()}) * «10»)`,
    );
    const ints = this.#of(keys, 'int');
    return this.#one(
      () => one,
      () => one,
      () => `${one} + «1»`,
      () => `coalesce(${one}, «0») * «2»`,
      () => (ints.length > 0 ? `${one} + ${this.#pick(ints)}` : one),
      () => `CASE WHEN ${one} > «1» THEN «1» ELSE «0» END`,
    );
  }

  #call(scope: Scope): { readonly text: string; readonly scope: Scope } {
    if (this.#depth >= DEPTH_MAX) return this.#unwind(scope);
    this.#depth++;
    const imported = scope.filter(() => this.#chance(2));
    const form = this.#number(0, 2);
    const start = form === 2 ? scope : imported;
    const inner = () => {
      const made = () => this.#clauses(start, this.#number(1, 2));
      const { text, scope: own } = this.#around(form === 0 ? [] : start, made);
      return { text, own };
    };
    const first = inner();
    const name = this.#fresh();
    const ending = (own: Scope) =>
      this.#one(
        () => `RETURN ${this.#int(own)} AS ${name}`,
        () => `RETURN ${this.#aggregate(own, [])} AS ${name}`,
        () => `RETURN DISTINCT ${this.#int(own)} AS ${name} ORDER BY ${name} LIMIT «2»`,
      );
    let body = `${first.text} ${ending(first.own)}`;
    const importing = form === 0 && imported.length > 0 ? `WITH ${imported.map((each) => each.name).join(', ')} ` : '';
    if (this.#chance(4)) {
      const second = inner();
      body += ` UNION ${this.#chance(2) ? 'ALL ' : ''}${importing}${second.text} ${ending(second.own)}`;
    }
    this.#depth--;
    const optional = this.#chance(4) ? 'OPTIONAL ' : '';
    const head =
      form === 0
        ? `CALL { ${importing}`
        : form === 2
          ? 'CALL (*) { '
          : `CALL (${imported.map((each) => each.name).join(', ')}) { `;
    return { text: `${optional}${head}${body} }`, scope: [...scope, { name, kind: 'int' }] };
  }

  #unionPart(): string {
    const { text, scope } = this.#clauses([], this.#number(1, 2));
    return `${text} RETURN ${this.#int(scope)} AS u`;
  }

  #return(scope: Scope): string {
    if (this.#chance(3)) {
      const { items, scope: own } = this.#items(scope);
      const shown = items.map((item) => {
        const variable = scope.find(({ name }) => name === item);
        return variable === undefined ? item : this.#shown(variable);
      });
      // An order needs the names of all columns.
      const hasNames = own.every(({ kind }) => kind === 'int');
      const order = hasNames && this.#chance(2) ? this.#order(own) : '';
      return `RETURN ${this.#chance(4) ? 'DISTINCT ' : ''}${shown.join(', ')}${order}`;
    }
    const columns = scope.map((each) => this.#shown(each));
    return `RETURN ${[...columns, `${this.#int(scope)} AS r`].join(', ')}`;
  }

  #shown({ name, kind }: Variable): string {
    switch (kind) {
      case 'node':
      case 'edge':
        return `elementId(${name}) AS ${name}`;
      case 'path':
        return `[n IN nodes(${name}) | elementId(n)] AS ${name}`;
      default:
        return name;
    }
  }

  // --- expressions

  #simpleInt(scope: Scope): string {
    const ints = this.#of(scope, 'int');
    if (ints.length > 0 && this.#chance(2)) return this.#pick(ints);
    return `«${this.#number(0, 3)}»`;
  }

  #int(scope: Scope): string {
    const [nodes, edges, paths] = [this.#of(scope, 'node'), this.#of(scope, 'edge'), this.#of(scope, 'path')];
    const flat = () =>
      this.#one(
        () => this.#simpleInt(scope),
        () => (nodes.length > 0 ? `${this.#pick(nodes)}.x` : this.#simpleInt(scope)),
        () => (edges.length > 0 ? `${this.#pick(edges)}.x` : this.#simpleInt(scope)),
        () => (paths.length > 0 ? `length(${this.#pick(paths)})` : this.#simpleInt(scope)),
      );
    return this.#deeper(
      () =>
        this.#one(
          flat,
          flat,
          () => `(${this.#int(scope)} ${this.#pick(['+', '-'])} ${this.#int(scope)})`,
          () => `coalesce(${this.#int(scope)}, ${this.#int(scope)})`,
          () => `CASE WHEN ${this.#bool(scope)} THEN ${this.#int(scope)} ELSE ${this.#int(scope)} END`,
          () => `CASE ${this.#int(scope)} WHEN «0» THEN ${this.#int(scope)} WHEN > «1» THEN ${this.#int(scope)} END`,
          () => `size(${this.#list(scope)})`,
          () => `reduce(s = ${this.#int(scope)}, i IN ${this.#list(scope)} | s + i)`,
          () => `${this.#list(scope)}[${this.#simpleInt(scope)}]`,
          () =>
            nodes.length > 0 ? `${this.#pick(nodes)}{.x, k: ${this.#int(scope)}}.${this.#pick(['x', 'k'])}` : flat(),
          () => `{k: ${this.#int(scope)}}.k`,
          () => `COUNT { ${this.#subquery(scope)} }`,
          () => `size(COLLECT { ${this.#collecting(scope)} })`,
          () => this.#patternSize(scope),
          () => (nodes.length > 0 ? `size(labels(${this.#pick(nodes)}))` : flat()),
          () => (nodes.length > 0 ? `head([n IN [${this.#pick(nodes)}] | n.x])` : flat()),
          () => (edges.length > 0 ? `endNode(${this.#pick(edges)}).x` : flat()),
        ),
      flat,
    );
  }

  #patternSize(scope: Scope): string {
    const nodes = this.#of(scope, 'node');
    const from = nodes.length > 0 ? this.#pick(nodes) : '';
    const [name, edge] = [this.#fresh(), this.#fresh()];
    const inner: Scope = [...scope, { name, kind: 'node' }, { name: edge, kind: 'edge' }];
    const where = this.#chance(2) ? ` WHERE ${this.#bool(inner)}` : '';
    return `reduce(s = «0», i IN [(${from})-[${edge}]-(${name})${where} | ${this.#int(inner)}] | s + coalesce(i, «0»))`;
  }

  #list(scope: Scope): string {
    const lists = this.#of(scope, 'list');
    const flat = () =>
      this.#one(
        () => `[${this.#simpleInt(scope)}, ${this.#simpleInt(scope)}]`,
        () => `range(«${this.#number(0, 1)}», «${this.#number(0, 3)}»)`,
        () => (lists.length > 0 ? this.#pick(lists) : '[«1», null]'),
      );
    return this.#deeper(
      () =>
        this.#one(
          flat,
          () => `[${this.#int(scope)}, ${this.#int(scope)}]`,
          () => {
            const name = this.#fresh();
            const inner: Scope = [...scope, { name, kind: 'int' }];
            return `[${name} IN ${this.#list(scope)} WHERE ${this.#bool(inner)} | ${this.#int(inner)}]`;
          },
          () => `${this.#list(scope)}[..«${this.#number(0, 2)}»]`,
          () => `(${this.#list(scope)} + ${this.#list(scope)})`,
          () => `tail(${this.#list(scope)})`,
        ),
      flat,
    );
  }

  #simpleBool(scope: Scope): string {
    const [ints, nodes] = [this.#of(scope, 'int'), this.#of(scope, 'node')];
    return this.#one(
      () => (ints.length > 0 ? `${this.#pick(ints)} >= «1»` : 'true'),
      () => (nodes.length > 0 ? `${this.#pick(nodes)}:A` : 'true'),
    );
  }

  #bool(scope: Scope): string {
    const [nodes, edges] = [this.#of(scope, 'node'), this.#of(scope, 'edge')];
    const flat = () =>
      this.#one(
        () => `${this.#simpleInt(scope)} ${this.#pick(['<', '<=', '=', '<>', '>', '>='])} ${this.#simpleInt(scope)}`,
        () =>
          nodes.length > 0
            ? `${this.#pick(nodes)}.x ${this.#pick(['<', '=', '>='])} ${this.#simpleInt(scope)}`
            : 'true',
        () => (nodes.length > 0 ? `${this.#pick(nodes)}:${this.#pick(['A', 'B|C', '!A'])}` : 'true'),
        () => (nodes.length > 1 ? `${this.#pick(nodes)} <> ${this.#pick(nodes)}` : 'true'),
        () => (nodes.length > 1 ? `${this.#pick(nodes)}.x = ${this.#pick(nodes)}.x` : 'true'),
        () => (edges.length > 0 ? `type(${this.#pick(edges)}) = 'R'` : 'true'),
        () => (nodes.length > 0 ? `elementId(${this.#pick(nodes)}) IN ['m0', 'm2', 'm9']` : 'true'),
      );
    return this.#deeper(
      () =>
        this.#one(
          flat,
          flat,
          () => `(${this.#bool(scope)} ${this.#pick(['AND', 'OR', 'XOR'])} ${this.#bool(scope)})`,
          () => `NOT (${this.#bool(scope)})`,
          () => `${this.#int(scope)} ${this.#pick(['<', '=', '>'])} ${this.#int(scope)}`,
          () => `${this.#int(scope)} IS ${this.#pick(['NULL', 'NOT NULL', ':: INTEGER NOT NULL'])}`,
          () => `${this.#int(scope)} IN ${this.#list(scope)}`,
          () => {
            const name = this.#fresh();
            const word = this.#pick(['all', 'any', 'none', 'single']);
            return `${word}(${name} IN ${this.#list(scope)} WHERE ${this.#bool([...scope, { name, kind: 'int' }])})`;
          },
          () => `EXISTS { ${this.#subquery(scope)} }`,
          () => `NOT EXISTS { ${this.#subquery(scope)} }`,
          () =>
            nodes.length > 0
              ? `(${this.#pick(nodes)})-[:${this.#pick(['R', 'S'])}]->(:${this.#pick(['A', 'B'])})`
              : flat(),
          () => (nodes.length > 1 ? `(${this.#pick(nodes)})--(${this.#pick(nodes)})` : flat()),
        ),
      flat,
    );
  }

  #subquery(scope: Scope): string {
    return this.#one(
      () => this.#match(scope, 'MATCH').text,
      () => {
        const { text, scope: own } = this.#around(scope, () => this.#clauses(scope, this.#number(1, 2)));
        return `${text} RETURN ${this.#int(own)} AS ${this.#fresh()}`;
      },
      () => this.#collecting(scope),
    );
  }

  #collecting(scope: Scope): string {
    const name = this.#fresh();
    const single = () => {
      const { text, scope: own } = this.#match(scope, 'MATCH');
      const value = this.#chance(3) ? this.#aggregate(own, []) : this.#int(own);
      return `${text} RETURN ${this.#chance(3) ? 'DISTINCT ' : ''}${value} AS ${name}`;
    };
    return this.#chance(5) ? `${single()} UNION ${this.#chance(2) ? 'ALL ' : ''}${single()}` : single();
  }

  // --- writing

  #write(scope: Scope): { readonly text: string; readonly scope: Scope } {
    const [nodes, edges] = [this.#of(scope, 'node'), this.#of(scope, 'edge')];
    const texts: string[] = [];
    const count = this.#number(1, 2);
    for (let i = 0; i < count; i++) {
      texts.push(
        this.#one(
          () => `CREATE (:New {v: ${this.#int(scope)}})`,
          () =>
            nodes.length > 0
              ? `CREATE (${this.#pick(nodes)})-[:MADE {v: ${this.#int(scope)}}]->(:New)`
              : "CREATE (:$('New'))-[:$('MADE')]->(:New)",
          () => `MERGE (:${this.#pick(['Key', "$('Key')"])} {v: coalesce(${this.#int(scope)}, «0»)})`,
          () => (nodes.length > 0 ? `SET ${this.#pick(nodes)}.y = «7», ${this.#pick(nodes)}:Seen` : 'CREATE (:New)'),
          () => (nodes.length > 0 ? `SET ${this.#pick(nodes)}['y'] = «7», ${this.#pick(nodes)}:$(['Seen'])` : ''),
          () => (edges.length > 0 ? `SET ${this.#pick(edges)} += {y: «7»}` : 'CREATE (:New)'),
          () => `FOREACH (i IN ${this.#list(scope)} | CREATE (:Each {v: i}))`,
          () => `FOREACH (i IN CASE WHEN ${this.#bool(scope)} THEN [«1»] ELSE [] END | MERGE (:Key {v: i}))`,
          () => `CALL (*) { CREATE (:Sub {v: ${this.#int(scope)}}) }`,
          () =>
            nodes.length > 0 ? `CALL (*) { MATCH (t:Key) CREATE (:Sub {v: ${this.#pick(nodes)}.x}) }` : 'CREATE (:New)',
        ),
      );
    }
    if (edges.length === 0 || !this.#chance(3)) return { text: texts.join(' '), scope };
    texts.push(`DELETE ${this.#pick(edges)} WITH count(*) AS deleted MATCH ()-[e]->() WITH deleted, count(e) AS left`);
    const counts: Scope = [
      { name: 'deleted', kind: 'int' },
      { name: 'left', kind: 'int' },
    ];
    return { text: texts.join(' '), scope: counts };
  }
}
