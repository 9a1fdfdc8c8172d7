/**
 * `npm run fuzz -- [--seconds N] [--seed N] [TARGET...]`: sends wrong inputs to all that reads what strangers send. A finding is
 * printed with its input and the command that makes it again; the exit code is 1 if there is any.
 */
import { parseArgs } from 'node:util';
import { SeededRandom } from '../../base/seeded-random.ts';
import { realMs } from '../host.ts';
import { buildTargets, type Target } from './targets.ts';

const { values, positionals } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string', default: '1' } },
  allowPositionals: true,
});
const FINDINGS_MAX = 5;

const targets = (await buildTargets()).filter(({ name }) => positionals.length === 0 || positionals.includes(name));
if (targets.length === 0) {
  console.error(`fuzz: no such target; there are ${(await buildTargets()).map(({ name }) => name).join(', ')}`);
  process.exitCode = 2;
}
const eachMs = (Number(values.seconds) * 1_000) / Math.max(1, targets.length);
for (const target of targets) await fuzz(target);

/** Every input is a function of its seed, so that a finding can be made again alone. */
async function fuzz(target: Target): Promise<void> {
  const endMs = realMs() + eachMs;
  let [inputs, findings] = [0, 0];
  for (let seed = Number(values.seed); realMs() < endMs && findings < FINDINGS_MAX; seed++) {
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
