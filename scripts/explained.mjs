/** What a script answers to `--help`, and to a flag that it does not have: what stands at its top. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Ends the process if that is all that was asked for, or if a flag is wrong.
 * @param {string} url of the script
 * @param {readonly string[]} flags that it has
 */
export function explained(url, flags = []) {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    console.log(textAtTop(readFileSync(fileURLToPath(url), 'utf8')));
    process.exit(0);
  }
  const unknown = args.find((arg) => arg.startsWith('-') && !flags.includes(arg.split('=')[0] ?? ''));
  if (unknown === undefined) return;
  console.error(`there is no flag ${unknown}; --help tells what there is`);
  process.exit(2);
}

/** The first comment, without its stars. */
function textAtTop(source) {
  const [, comment = ''] = /^(?:#!.*\n)?\/\*\*([\s\S]*?)\*\//.exec(source) ?? [];
  return comment
    .split('\n')
    .map((line) => line.replace(/^ ?\* ?/, ''))
    .join('\n')
    .trim();
}
