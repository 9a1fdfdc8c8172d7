/**
 * `npm run fuzz -- [--seconds N] [--seed N] [TARGET...]`: sends wrong inputs to all that reads what strangers send. A finding is
 * printed with its input and the command that makes it again; the exit code is 1 if there is any.
 */
import { Argument, Option } from 'commander';
import { SeededRandom } from '../../base/seeded-random.ts';
import { wholeNumber } from '../../bin/options.ts';
import { toolCommand } from '../../bin/tool.ts';
import { realMs } from '../host.ts';
import { buildTargets, type Target } from './targets.ts';

const FINDINGS_MAX = 5;

const count = wholeNumber(1, Number.MAX_SAFE_INTEGER);
const all = await buildTargets();
const command = toolCommand('npm run fuzz --', 'Sends wrong inputs to all that reads what strangers send.')
  .addOption(new Option('--seconds <seconds>', 'for all targets together').default(60).argParser(count))
  .addOption(new Option('--seed <seed>', 'of the first input').default(1).argParser(count))
  .addArgument(
    new Argument('[targets...]', 'what to send them to; everything if absent').choices(all.map(({ name }) => name)),
  )
  .parse();
const { seconds, seed: firstSeed } = command.opts<{ readonly seconds: number; readonly seed: number }>();
const targets = all.filter(({ name }) => command.args.length === 0 || command.args.includes(name));
const eachMs = (seconds * 1_000) / Math.max(1, targets.length);
for (const target of targets) await fuzz(target);

/** Every input is a function of its seed, so that a finding can be made again alone. */
async function fuzz(target: Target): Promise<void> {
  const endMs = realMs() + eachMs;
  let [inputs, findings] = [0, 0];
  for (let seed = firstSeed; realMs() < endMs && findings < FINDINGS_MAX; seed++) {
    inputs++;
    try {
      await target.once(new SeededRandom(seed));
    } catch (error) {
      findings++;
      console.error(`${target.name}: seed ${seed}: ${error instanceof Error ? error.stack : String(error)}`);
      console.error(`  input ${target.input()}`);
    }
  }
  console.log(`${target.name}: ${inputs} inputs, ${findings} findings`);
  if (findings > 0) process.exitCode = 1;
  await target.close?.();
}
