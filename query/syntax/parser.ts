/** Text to syntax tree: whole statements, and the commands that declare indexes and constraints. */
import type { QueryStatement, SchemaStatement, Statement } from './ast.ts';
import { QueryParser } from './parse-clauses.ts';

/** @throws QueryError that says where, at compile time */
export function parseStatement(text: string): Statement {
  return new StatementParser(text).statement();
}

class StatementParser extends QueryParser {
  statement(): Statement {
    const { start } = this;
    const schema = this.#schema(start);
    const statement = schema ?? this.#query(start);
    this.eat(';');
    if (this.kind() !== 'end') this.fail('expected the end of the statement');
    return statement;
  }

  #query(start: number): QueryStatement {
    const mode = this.eatWord('EXPLAIN') ? 'explain' : this.eatWord('PROFILE') ? 'profile' : 'run';
    return { kind: 'query', mode, query: this.query(), ...this.span(start) };
  }

  #schema(start: number): SchemaStatement | undefined {
    const next = this.word(1);
    switch (this.word()) {
      case 'CREATE':
        if (next !== 'INDEX' && next !== 'CONSTRAINT' && !(next === 'RANGE' && this.word(2) === 'INDEX'))
          return undefined;
        this.skip();
        return this.#create(start);
      case 'DROP':
        this.skip();
        return this.#drop(start);
      case 'SHOW':
        this.skip();
        return this.#show(start);
      default:
        return undefined;
    }
  }

  /** `INDEX [name] [IF NOT EXISTS] FOR (n:Label) ON (n.property)`, `CONSTRAINT ... REQUIRE n.property IS UNIQUE`. */
  #create(start: number): SchemaStatement {
    this.eatWord('RANGE');
    const isConstraint = this.eatWord('CONSTRAINT');
    if (!isConstraint) this.needWord('INDEX');
    const isNamed = this.isName() && this.word() !== 'FOR' && !(this.word() === 'IF' && this.word(1) === 'NOT');
    const name = isNamed ? this.name().text : undefined;
    const ifNotExists = this.eatWord('IF');
    if (ifNotExists) {
      this.needWord('NOT');
      this.needWord('EXISTS');
    }
    this.needWord('FOR');
    const { on, label } = this.#subject();
    this.needWord(isConstraint ? 'REQUIRE' : 'ON');
    const properties = this.#propertyNames();
    const what = isConstraint ? this.#demand() : 'index';
    return { kind: 'createSchema', what, name, ifNotExists, on, label, properties, ...this.span(start) };
  }

  /** `(n:Label)` or `()-[r:TYPE]-()`. */
  #subject(): { readonly on: 'node' | 'edge'; readonly label: string } {
    this.need('(');
    if (!this.eat(')')) {
      this.name('a variable');
      this.need(':');
      const label = this.name('a label').text;
      this.need(')');
      return { on: 'node', label };
    }
    this.eat('<');
    this.need('-');
    this.need('[');
    this.name('a variable');
    this.need(':');
    const label = this.name('a type').text;
    this.need(']');
    this.need('-');
    this.eat('>');
    this.need('(');
    this.need(')');
    return { on: 'edge', label };
  }

  #propertyNames(): string[] {
    const isList = this.eat('(');
    const names: string[] = [];
    do {
      this.name('a variable');
      this.need('.');
      names.push(this.name('a property').text);
    } while (isList && this.eat(','));
    if (isList) this.need(')');
    return names;
  }

  #demand(): 'unique' | 'exists' | 'key' {
    this.needWord('IS');
    if (this.eatWord('NOT')) {
      this.needWord('NULL');
      return 'exists';
    }
    if (!this.eatWord('NODE')) this.eatWord('RELATIONSHIP');
    if (this.eatWord('UNIQUE')) return 'unique';
    this.needWord('KEY');
    return 'key';
  }

  #drop(start: number): SchemaStatement {
    const what = this.eatWord('CONSTRAINT') ? 'constraint' : 'index';
    if (what === 'index') this.needWord('INDEX');
    const name = this.name().text;
    const ifExists = this.eatWord('IF');
    if (ifExists) this.needWord('EXISTS');
    return { kind: 'dropSchema', what, name, ifExists, ...this.span(start) };
  }

  #show(start: number): SchemaStatement {
    const isConstraints = this.eatWord('CONSTRAINTS') || this.eatWord('CONSTRAINT');
    if (!isConstraints && !this.eatWord('INDEX')) this.needWord('INDEXES');
    return { kind: 'showSchema', what: isConstraints ? 'constraints' : 'indexes', ...this.span(start) };
  }
}
