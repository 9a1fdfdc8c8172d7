/**
 * Runs a script: statements, each a transaction of its own that sees those before it, and commands. What stands between `:begin`
 * and `:commit` is kept until then and sent as one transaction.
 */
import { JSON_TYPE, TYPED_JSON_TYPE } from '../api/media-types.ts';
import { pathName } from '../base/path-name.ts';
import { answerTo, type Connection, isSuccess, jsonOr, open, problemText, readText } from './connection.ts';
import { type Answer, describeAnswer } from './describe-answer.ts';
import { OperationFailed } from './exit.ts';
import { type ParameterValue, parseCommand, type ScriptCommand } from './script-command.ts';
import { splitScript } from './split-script.ts';

export interface ScriptOptions extends Connection {
  readonly graph: string;
  readonly consistency?: string;
  /** Answers as JSON, as they came; else as text for people. */
  readonly json?: boolean;
}

/** Statements as the server takes them: one, or several that are one transaction. */
type Sent =
  | { readonly statement: string; readonly parameters: object }
  | { readonly statements: readonly { readonly statement: string; readonly parameters: object }[] };

const COMMENT = /^(?:\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)+/u;
const ABOUT_SCHEMA = /^(?:CREATE|DROP)\s+(?:[A-Z]+\s+)?(?:INDEX|CONSTRAINT)\b/iu;

export class ScriptRun {
  readonly #options: ScriptOptions;
  readonly #print: (text: string) => void;
  #graph: string;
  #parameters: Readonly<Record<string, unknown>>;
  /** What statements before have seen; a load balancer may send the next one to another server. */
  #token: string | undefined;
  /** Statements since `:begin`. */
  #block: { readonly statement: string; readonly parameters: object }[] | undefined;

  constructor(options: ScriptOptions, parameters: Readonly<Record<string, unknown>>, print: (text: string) => void) {
    this.#options = options;
    this.#print = print;
    this.#graph = options.graph;
    this.#parameters = parameters;
  }

  /** Until the end, `:exit`, or what fails. @throws OperationFailed */
  async run(script: string): Promise<void> {
    for (const text of splitScript(script)) {
      if (!text.startsWith(':')) await this.#statement(text);
      else {
        const command = parseCommand(text);
        if (command.kind === 'exit') return;
        await this.#command(command);
      }
    }
    if (this.#block !== undefined) throw new OperationFailed('nothing since `:begin` was run: there is no `:commit`');
  }

  async #statement(statement: string): Promise<void> {
    const sent = { statement, parameters: this.#parameters };
    if (this.#block !== undefined) this.#block.push(sent);
    else this.#show(await this.#send(sent));
  }

  async #command(command: Exclude<ScriptCommand, { kind: 'exit' }>): Promise<void> {
    switch (command.kind) {
      case 'begin':
        if (this.#block !== undefined) throw new OperationFailed('`:begin` within a transaction; `:commit` ends it');
        this.#block = [];
        return;
      case 'rollback':
        this.#ended(':rollback');
        return;
      case 'commit':
        await this.#commit(this.#ended(':commit'));
        return;
      case 'use':
        if (this.#block !== undefined) throw new OperationFailed('`:use` within a transaction, which is of one graph');
        this.#graph = command.graph;
        return;
      case 'statement':
        await this.#statement(command.text);
        return;
      case 'clearParameters':
        this.#parameters = {};
        return;
      case 'parameters': {
        const { name, value } = command;
        const found = await this.#valueOf(value);
        this.#parameters = { ...this.#parameters, ...(name === undefined ? entriesOf(found) : { [name]: found }) };
      }
    }
  }

  /** The statements since `:begin`. */
  #ended(command: string): readonly { readonly statement: string; readonly parameters: object }[] {
    const block = this.#block;
    if (block === undefined) throw new OperationFailed(`\`${command}\` without \`:begin\``);
    this.#block = undefined;
    return block;
  }

  async #commit(statements: readonly { readonly statement: string; readonly parameters: object }[]): Promise<void> {
    if (statements.length === 0) return;
    // Exports put what they declare into transactions of their own. Here each declaration is one, and harmless by itself.
    if (statements.every(({ statement }) => ABOUT_SCHEMA.test(statement.replace(COMMENT, '')))) {
      for (const each of statements) this.#show(await this.#send(each));
      return;
    }
    this.#show(await this.#send({ statements }));
  }

  async #valueOf(value: ParameterValue): Promise<unknown> {
    if (value.kind === 'json') return value.json;
    const sent = { statement: `RETURN ${value.text} AS value`, parameters: this.#parameters };
    const { data } = JSON.parse(await this.#send(sent, TYPED_JSON_TYPE)) as Answer;
    return data.values[0]?.[0] ?? null;
  }

  #show(body: string): void {
    // As it came: whatever parsed it here could only make its numbers worse.
    if (this.#options.json === true) this.#print(body);
    else {
      const answer = JSON.parse(body) as Answer | { readonly results: readonly Answer[] };
      for (const each of 'results' in answer ? answer.results : [answer]) this.#print(describeAnswer(each));
    }
  }

  /** The answer as text: plain JSON for programs, typed JSON for the table. */
  async #send(sent: Sent, accept = this.#options.json === true ? JSON_TYPE : TYPED_JSON_TYPE): Promise<string> {
    const { consistency } = this.#options;
    const request = open(this.#options, `/v1/graphs/${pathName('graph name', this.#graph)}/query`, {
      method: 'POST',
      headers: {
        accept,
        'content-type': 'application/json',
        ...(consistency !== undefined && { 'consistency-level': consistency }),
        ...(this.#token !== undefined && { 'session-token': this.#token }),
      },
    });
    request.end(JSON.stringify(sent));
    const answer = await answerTo(this.#options, request);
    const body = await readText(answer);
    if (!isSuccess(answer)) throw new OperationFailed(problemText(answer, jsonOr(body)));
    const token = answer.headers['session-token'];
    if (typeof token === 'string') this.#token = token;
    return body;
  }
}

/** Of a map as JSON or as typed JSON. */
function entriesOf(value: unknown): Readonly<Record<string, unknown>> {
  const { $type, _value } = value as { readonly $type?: unknown; readonly _value?: unknown };
  return ($type === 'Map' ? _value : value) as Readonly<Record<string, unknown>>;
}
