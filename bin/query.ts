/** `weft query`: runs openCypher on a server and prints what it answers, as a table for people or as JSON for programs. */
import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { parseExactJson } from '../graph/exact-json.ts';
import { declareConnectionOptions } from './connection.ts';
import { OperationFailed, UsageError } from './exit.ts';
import { type ScriptOptions, ScriptRun } from './run-script.ts';

interface QueryOptions extends ScriptOptions {
  readonly param?: readonly string[];
}

export function declareQuery(program: Command): void {
  const command = program
    .command('query')
    .description('run openCypher statements, separated by `;`')
    .argument('[statement]', 'what to run; read from standard input if it is `-` or absent')
    .option('--graph <name>', 'the graph', 'default')
    .option(
      '--param <name=value>',
      'a parameter, its value as JSON or else as text; as often as there are some',
      collect,
    )
    .addOption(
      new Option('--consistency <level>', 'consistency level of each statement (default: "session")').choices([
        'strong',
        'session',
        'eventual',
      ]),
    )
    .option('--json', 'print one JSON document a statement, or transaction');
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

Every statement is a transaction of its own, and sees those before it, whichever server answers. Scripts may hold commands on
lines of their own: \`:begin\` and \`:commit\` around what is one transaction, \`:param name => value\`, \`:use graph\`.`,
    )
    .action(async (statement: string | undefined, options: QueryOptions) => {
      const run = new ScriptRun(options, parametersOf(options.param), (text) => console.log(text));
      await run.run(statement === undefined || statement === '-' ? scriptOf(readFileSync(0)) : statement);
    });
}

/** @throws OperationFailed if it is no text in UTF-8: each character of another encoding would be stored as U+FFFD */
export function scriptOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new OperationFailed('the script is not valid UTF-8; nothing of it was run');
  }
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

function parametersOf(given: readonly string[] = []): Record<string, unknown> {
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
