/**
 * `npm run model`: explores all plans whole, and then each planted bug until it is found. Prints the figures; exits 1 unless
 * every plan is valid and every bug is found. `--plan N` explores one plan only; without it takes some minutes.
 */
import { Option } from 'commander';
import { wholeNumber } from '../../bin/options.ts';
import { toolCommand } from '../../bin/tool.ts';
import { describeExploration, explore } from './explore.ts';
import { PLANS } from './plans.ts';

/** Far above every plan: there to be seen when it is not. */
const STATES_MAX = 20_000_000;

const listed = PLANS.map(({ name }, i) => `  ${i + 1}  ${name}`).join('\n');
const { plan: only } = toolCommand('npm run model --', 'Explores all that strong operations can do in small plans.')
  .addOption(new Option('--plan <number>', 'one plan only').argParser(wholeNumber(1, PLANS.length)))
  .addHelpText('after', `\nPlans:\n${listed}`)
  .allowExcessArguments(false)
  .parse()
  .opts<{ readonly plan?: number }>();
const chosen = only === undefined ? PLANS : PLANS.slice(only - 1, only);
let isGood = chosen.length > 0;
for (const plan of chosen) {
  const whole = explore(plan, new Set(), STATES_MAX);
  console.log(`${plan.name}: ${describeExploration(whole)}`);
  isGood &&= whole.kind === 'valid';
  for (const bug of plan.catches) {
    const found = explore(plan, new Set([bug]), STATES_MAX);
    console.log(`${plan.name}, with ${bug}: ${describeExploration(found)}`);
    isGood &&= found.kind === 'invalid';
  }
}
process.exitCode = isGood ? 0 : 1;
