#!/usr/bin/env node
/** The command line: declares the commands and turns what they end with into an exit code. */
import { Command, CommanderError } from 'commander';
import { WeftError } from '../base/errors.ts';
import { EXIT, OperationFailed, UsageError } from './exit.ts';
import { version } from './version.ts';

/** In the order in which the help lists them. Loaded on demand: the server takes a second, a question to one a moment. */
const COMMANDS: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
  serve: async () => (await import('./serve.ts')).declareServe,
  import: async () => (await import('./import.ts')).declareImport,
  export: async () => (await import('./export.ts')).declareExport,
  query: async () => (await import('./query.ts')).declareQuery,
  status: async () => (await import('./status.ts')).declareStatus,
  voters: async () => (await import('./voters.ts')).declareVoters,
  backup: async () => (await import('./backup.ts')).declareBackup,
  restore: async () => (await import('./restore.ts')).declareRestore,
  verify: async () => (await import('./verify.ts')).declareVerify,
};

const VERSION_FLAGS = ['-V', '--version'];

/** Knows the command that is asked for, or all of them if none is or help is wanted. */
async function buildProgram([asked = '']: readonly string[]): Promise<Command> {
  const program = new Command('weft')
    .description('A property-graph database server that keeps working when the network does not.')
    .version(version(), VERSION_FLAGS.join(', '), 'print the version')
    .helpOption('-h, --help', 'explain a command')
    .helpCommand('help [command]', 'explain a command')
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  weft serve                                  a server on http://127.0.0.1:7400 with its data in ./data
  weft import examples/night-trains.ndjson    load a graph into it
  weft query 'MATCH (n) RETURN count(*)'      ask it something in openCypher
  weft status                                 see what it holds
  weft help serve                             all settings of the server

Exit codes: 0 ok, 1 the operation failed, 2 wrong usage, 70 a bug of weft (please report the log).`,
    );
  const all = VERSION_FLAGS.includes(asked) ? [] : Object.keys(COMMANDS);
  for (const name of Object.hasOwn(COMMANDS, asked) ? [asked] : all) (await COMMANDS[name]?.())?.(program);
  pointToHelp(program, 'weft');
  return program;
}

/** What is wrong with a flag or an argument is told as every other error is, with the help of the command that was called. */
function pointToHelp(command: Command, called: string): void {
  command.configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'weft: ')) });
  command.showHelpAfterError(hint(called));
  for (const each of command.commands) pointToHelp(each, `${called} ${each.name()}`);
}

function hint(called: string): string {
  return `${called} --help shows how to use it`;
}

async function main(argv: readonly string[]): Promise<number> {
  dropEmptySettings(process.env);
  outliveOutput();
  const [asked = '', topic = ''] = argv.slice(2);
  try {
    const program = await buildProgram(argv.slice(2));
    if (asked === 'help' && !isTopic(topic)) program.error(`error: unknown command '${topic}'`);
    await program.parseAsync(argv);
    return EXIT.ok;
  } catch (error) {
    return explain(error, asked);
  }
}

/** Whether `weft help` can explain it. Of what it cannot, commander would print all help there is, and no reason. */
function isTopic(text: string): boolean {
  return text === '' || text === 'help' || text.startsWith('-') || Object.hasOwn(COMMANDS, text);
}

/** An empty variable counts as absent: compose files and unit files pass `WEFT_TOKEN=` for "not set". */
function dropEmptySettings(environment: NodeJS.ProcessEnv): void {
  for (const [name, value] of Object.entries(environment)) {
    if (name.startsWith('WEFT_') && value === '') delete environment[name];
  }
}

/** Why what a command had to say was not written, if so. */
let lostOutput: NodeJS.ErrnoException | undefined;

/**
 * A reader that went away, as in `weft export | head`, ends the output and is no error. A disk that is full is one; but a server
 * whose log lies there goes on without it, as nothing is left to tell it to.
 */
function outliveOutput(): void {
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || lostOutput !== undefined) return;
    lostOutput = error;
    process.exitCode = complain(`the output cannot be written: ${error.message}`, EXIT.failed);
  });
}

/** Tells a person what went wrong and the caller what kind of failure it was. */
function explain(error: unknown, asked: string): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof UsageError) return complain(`${error.message}\n${hint(`weft ${asked}`)}`, EXIT.usage);
  if (error instanceof OperationFailed) return complain(error.message, EXIT.failed);
  if (error instanceof WeftError && error.code !== 'internal') {
    return complain(`${error.code}: ${error.message}`, EXIT.failed);
  }
  if (isSystemError(error)) return complain(error.message, EXIT.failed);
  return complain(`this is a bug of weft: ${error instanceof Error ? error.stack : String(error)}`, EXIT.bug);
}

function complain(message: string, exitCode: number): number {
  console.error(`weft: ${message}`);
  return exitCode;
}

/** A refusal of the operating system: a full disk, a missing right, an occupied port. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}

const code = await main(process.argv);
process.exitCode = code === EXIT.ok && lostOutput !== undefined ? EXIT.failed : code;
