/** `weft query`: runs openCypher on a server and prints what it answers, as a table for people or as JSON for programs. */
import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { JSON_TYPE, TYPED_JSON_TYPE } from '../api/media-types.ts';
import { parseExactJson } from '../graph/exact-json.ts';
import {
  answerTo,
  type Connection,
  declareConnectionOptions,
  isSuccess,
  jsonOr,
  open,
  problemText,
  readText,
} from './connection.ts';
import { OperationFailed, UsageError } from './exit.ts';
import { type PlanNode, planTable } from './plan-table.ts';
import { resultTable, type TypedValue } from './result-table.ts';
import { splitScript } from './split-script.ts';

interface QueryOptions extends Connection {
  readonly graph: string;
  readonly consistency?: string;
  readonly json?: boolean;
  readonly param: readonly string[];
}

/** What statements before have seen; a load balancer may send the next one to another server. */
interface Session {
  token: string | undefined;
}

interface Answer {
  readonly data: { readonly fields: readonly string[]; readonly values: readonly (readonly TypedValue[])[] };
  readonly counters: Readonly<Record<string, number | boolean>>;
  readonly queryPlan?: PlanNode;
}

export function declareQuery(program: Command): void {
  const command = program
    .command('query')
    .description('run openCypher statements, separated by `;`')
    .argument('[statement]', 'what to run; read from standard input if absent')
    .option('--graph <name>', 'the graph', 'default')
    .option('--param <name=value>', 'a parameter, its value as JSON or else as text', collect, [])
    .addOption(
      new Option('--consistency <level>', 'how sure answers are; the server says what it is without').choices([
        'strong',
        'session',
        'eventual',
      ]),
    )
    .option('--json', 'print one JSON document a statement');
  declareConnectionOptions(command);
  command
    .addHelpText(
      'after',
      `
Examples:
  weft query 'MATCH (n) RETURN count(*)'
  weft query --param name=Anna 'MATCH (p {name: $name}) RETURN p'
  weft query --consistency strong 'MATCH (a:Account) SET a.open = false'
  weft query --graph movies < movies.cypher

Every statement is a transaction of its own, and sees those before it, whichever server answers.`,
    )
    .action(async (statement: string | undefined, options: QueryOptions) => {
      const parameters = parametersOf(options.param);
      const session: Session = { token: undefined };
      for (const text of splitScript(statement ?? readFileSync(0, 'utf8'))) {
        const answer = await run(options, session, text, parameters);
        // As it came: whatever parsed it here could only make its numbers worse.
        console.log(options.json === true ? answer : describeAnswer(JSON.parse(answer) as Answer));
      }
    });
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function parametersOf(given: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    given.map((each) => {
      const at = each.indexOf('=');
      if (at <= 0) throw new UsageError(`--param takes name=value, not "${each}"`);
      const text = each.slice(at + 1);
      try {
        return [each.slice(0, at), parseExactJson(text)];
      } catch {
        return [each.slice(0, at), text];
      }
    }),
  );
}

/** The answer as text: plain JSON for programs, typed JSON for the table. */
async function run(options: QueryOptions, session: Session, statement: string, parameters: object): Promise<string> {
  const { graph, consistency, json } = options;
  const sent = open(options, `/v1/graphs/${encodeURIComponent(graph)}/query`, {
    method: 'POST',
    headers: {
      accept: json === true ? JSON_TYPE : TYPED_JSON_TYPE,
      'content-type': 'application/json',
      ...(consistency !== undefined && { 'consistency-level': consistency }),
      ...(session.token !== undefined && { 'session-token': session.token }),
    },
  });
  sent.end(JSON.stringify({ statement, parameters }));
  const answer = await answerTo(options, sent);
  const body = await readText(answer);
  if (!isSuccess(answer)) throw new OperationFailed(problemText(answer, jsonOr(body)));
  const token = answer.headers['session-token'];
  if (typeof token === 'string') session.token = token;
  return body;
}

export function describeAnswer({ data, counters, queryPlan }: Answer): string {
  const parts: string[] = [];
  if (queryPlan !== undefined) parts.push(planTable(queryPlan));
  if (data.fields.length > 0) {
    parts.push(resultTable(data.fields, data.values));
    parts.push(`${data.values.length} ${data.values.length === 1 ? 'row' : 'rows'}`);
  }
  const changes = Object.entries(counters).filter(([, count]) => typeof count === 'number' && count > 0);
  if (changes.length > 0) parts.push(changes.map(([name, count]) => `${words(name)}: ${count}`).join(', '));
  return parts.length === 0 ? 'done' : parts.join('\n');
}

/** `nodesCreated` as `nodes created`. */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
