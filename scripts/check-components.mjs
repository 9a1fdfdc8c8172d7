/**
 * What the program and its tools are made of: writes the list of components (SBOM, CycloneDX) to the file that is named, and asks
 * for known holes in the program. npm leaves a part of the program out if it is asked to leave out the tools, so both are listed.
 * Without a registry that answers the question of holes stays open, which is said and is no failure.
 *
 *     node scripts/check-components.mjs sbom.json
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { explained } from './explained.mjs';

explained(import.meta.url);

const [file] = process.argv.slice(2);
const npm = (...args) => spawnSync('npm', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, timeout: 120_000 });
let problems = 0;
const problem = (text) => {
  problems++;
  console.error(text);
};

const made = npm('sbom', '--sbom-format', 'cyclonedx', '--package-lock-only');
if (made.status !== 0) {
  problem(`npm sbom failed: ${made.stderr}`);
} else {
  const { components } = JSON.parse(made.stdout);
  const listed = new Set(components.map(({ name, group }) => (group ? `${group}/${name}` : name)));
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  for (const name of Object.keys(dependencies)) if (!listed.has(name)) problem(`the list of components lacks ${name}`);
  for (const { name, licenses } of components) if (!licenses?.length) problem(`${name} names no licence`);
  if (file !== undefined) writeFileSync(file, made.stdout);
  console.log(`components: ${components.length}, each with its licence`);
}

const audit = npm('audit', '--omit', 'dev', '--json');
let report;
try {
  report = JSON.parse(audit.stdout);
} catch {
  report = undefined;
}
if (report?.metadata?.vulnerabilities === undefined) {
  console.log('known holes: not asked, no registry answers');
} else {
  const { high, critical, total } = report.metadata.vulnerabilities;
  if (high + critical > 0) problem(`known holes: ${high} high, ${critical} critical; see npm audit`);
  else console.log(`known holes: none that is high or critical, ${total} lesser`);
}
process.exit(problems === 0 ? 0 : 1);
