/**
 * `npm run model`: explores all plans whole, and then each planted bug until it is found. Prints the figures; exits 1 unless
 * every plan is valid and every bug is found. It takes a quarter of an hour or more, `--quick` a minute: small plans whole, and
 * the bugs of all; `--plan N` explores one plan only.
 */
import { Option } from 'commander';
import { wholeNumber } from '../../bin/options.ts';
import { toolCommand } from '../../bin/tool.ts';
import { describeExploration, explore } from './explore.ts';
import { PLANS } from './plans.ts';

/** Far above every plan: there to be seen when it is not. */
const STATES_MAX = 20_000_000;

const listed = PLANS.map(({ name }, i) => `  ${i + 1}  ${name}`).join('\n');
const { plan: only, quick = false } = toolCommand(
  'npm run model --',
  'Explores all that strong operations can do in small plans.',
)
  .addOption(new Option('--plan <number>', 'one plan only').argParser(wholeNumber(1, PLANS.length)))
  .option('--quick', 'whole only what is explored in a minute; planted bugs in all')
  .addHelpText('after', `\nPlans:\n${listed}`)
  .allowExcessArguments(false)
  .parse()
  .opts<{ readonly plan?: number; readonly quick?: boolean }>();
const chosen = only === undefined ? PLANS : PLANS.slice(only - 1, only);
let isGood = chosen.length > 0;
for (const plan of chosen) {
  if (plan.isSmall || !quick) {
    const whole = explore(plan, new Set(), STATES_MAX);
    console.log(`${plan.name}: ${describeExploration(whole)}`);
    isGood &&= whole.kind === 'valid';
  }
  for (const bug of plan.catches) {
    const found = explore(plan, new Set([bug]), STATES_MAX);
    console.log(`${plan.name}, with ${bug}: ${describeExploration(found)}`);
    isGood &&= found.kind === 'invalid';
  }
}
process.exitCode = isGood ? 0 : 1;
