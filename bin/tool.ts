/** The command line of a tool of developers: it explains itself, and says what is wrong with a flag instead of failing. */
import { Command } from 'commander';
import { EXIT } from './exit.ts';

/** A command that ends the process by itself: with `EXIT.ok` after its help, with `EXIT.usage` if it is called wrongly. */
export function toolCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .showHelpAfterError('(--help tells what there is)')
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? EXIT.ok : EXIT.usage));
}
