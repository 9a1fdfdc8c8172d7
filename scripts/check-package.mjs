#!/usr/bin/env node
/**
 * Checks what a user gets: packs the package as it is built, looks at what is in it, and uses it in an empty folder, with nothing beside it
 * but what it names as its dependencies. The server starts and answers, and programs of users compile.
 *
 *     npm run build && node scripts/check-package.mjs
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { explained } from './explained.mjs';

explained(import.meta.url);

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');

/** Bytes of the package, and of what it unpacks to: a fifth above what they were when this was written. */
const PACKED_MAX = 1_700_000;
const UNPACKED_MAX = 5_600_000;

const NEEDED = [
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
  'dist/bin/weft.js',
  'dist/chaos/real/main.js',
  'dist/client/index.js',
  'dist/client/index.d.ts',
  'dist/client/replica/index.js',
  'dist/client/replica/index.d.ts',
  'dist/console/index.html',
  'deploy/compose.yaml',
  'deploy/kubernetes.yaml',
];
const UNWANTED = [
  /\.test\./,
  /\.conformance\./,
  /-harness\./,
  /^dist\/bench\//,
  /^test\//,
  /\.map$/,
  /(?<!\.d)\.ts$/,
  /tsbuildinfo/,
];
/** Sources of examples are for reading. */
const READABLE = /^examples\//;

/** A program of a user, with mistakes that only types notice. */
const PROGRAM = `
import { connect, WeftError, type Value } from 'weft/client';
import { openReplica, type WeftReplica } from 'weft/replica';

const weft = connect(['http://127.0.0.1:7400'], { token: 't' });
export async function names(): Promise<readonly Value[]> {
  const graph = weft.graph();
  const { rows } = await graph.query('MATCH (n) RETURN n.name AS name', { year: 1900 });
  const node = await graph.createNode({ labels: ['Person'], properties: { name: 'Ada' } });
  const id: string = node.id;
  // @ts-expect-error an id is no number
  const wrong: number = node.id;
  // @ts-expect-error there is no such call
  await graph.createKnot({});
  return [id, wrong, rows.length];
}
export const isGone = (error: unknown): boolean => error instanceof WeftError && error.code === 'node-not-found';
// @ts-expect-error there is no such error
export const isOdd = (error: WeftError): boolean => error.code === 'odd';
export const open = () => openReplica({ urls: 'http://127.0.0.1:7400', name: 'kept' });
// @ts-expect-error a name is text
export const openWrong = () => openReplica({ urls: 'http://127.0.0.1:7400', name: 5 });
export type Replica = WeftReplica;
`;

const folder = mkdtempSync(join(tmpdir(), 'weft-package-'));
const problems = [];

try {
  checkNodeFlags();
  checkContents();
  install();
  for (const resolution of ['nodenext', 'bundler']) checkTypes(resolution);
  await checkServer();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const problem of problems) console.error(problem);
console.log(`package: ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;

/** The container starts Node as `npm start` does, and so does the cluster of `npm run cluster`. */
function checkNodeFlags() {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const [, entrypoint] = /^ENTRYPOINT (.*)$/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8')) ?? [];
  const started = scripts.start.replace(/ serve$/, '').replace('dist/', '/weft/dist/');
  const contained = JSON.parse(entrypoint).join(' ');
  const cluster = readFileSync(join(ROOT, 'scripts/cluster.mjs'), 'utf8');
  for (const flag of scripts.start.split(' ').filter((word) => word.startsWith('--'))) {
    if (!cluster.includes(`'${flag}'`)) problems.push(`scripts/cluster.mjs starts servers without ${flag}`);
  }
  if (contained !== started) problems.push(`the container starts \`${contained}\`, \`npm start\` \`${started}\``);
}

function checkContents() {
  execFileSync(process.execPath, [TSC, '-p', 'tsconfig.types.json'], { cwd: ROOT, stdio: 'inherit' });
  const packed = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const [{ filename, files, size, unpackedSize }] = JSON.parse(packed);
  const paths = files.map(({ path }) => path);
  for (const path of NEEDED) if (!paths.includes(path)) problems.push(`${path} is missing`);
  for (const path of paths) {
    if (!READABLE.test(path) && UNWANTED.some((pattern) => pattern.test(path)))
      problems.push(`${path} does not belong there`);
  }
  if (size > PACKED_MAX) problems.push(`it has ${size} bytes, more than ${PACKED_MAX}`);
  if (unpackedSize > UNPACKED_MAX) problems.push(`it unpacks to ${unpackedSize} bytes, more than ${UNPACKED_MAX}`);
  console.log(`package: ${paths.length} files, ${size} bytes, ${unpackedSize} unpacked`);
  execFileSync('tar', ['xzf', filename], { cwd: folder });
}

/** As npm would, but from what is installed here: the package, its command, and what it depends on. */
function install() {
  const modules = join(folder, 'app/node_modules');
  mkdirSync(join(modules, '.bin'), { recursive: true });
  execFileSync('mv', [join(folder, 'package'), join(modules, 'weft')]);
  const { bin } = JSON.parse(readFileSync(join(modules, 'weft/package.json'), 'utf8'));
  for (const [name, file] of Object.entries(bin)) {
    execFileSync('chmod', ['+x', join(modules, 'weft', file)]);
    symlinkSync(join('../weft', file), join(modules, '.bin', name));
  }
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  for (const [path, { dev, link, optional }] of Object.entries(packages)) {
    const [, name] = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path) ?? [];
    if (name === undefined || dev === true || link === true || (optional === true && !existsSync(join(ROOT, path))))
      continue;
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, path), join(modules, name));
  }
  writeFileSync(join(folder, 'app/package.json'), JSON.stringify({ name: 'app', type: 'module', private: true }));
}

function checkTypes(resolution) {
  const app = join(folder, 'app');
  writeFileSync(join(app, 'program.ts'), PROGRAM);
  const module = resolution === 'nodenext' ? 'nodenext' : 'esnext';
  const compilerOptions = {
    noEmit: true,
    strict: true,
    target: 'es2022',
    module,
    moduleResolution: resolution,
    types: [],
  };
  const config = { compilerOptions: { ...compilerOptions, skipLibCheck: false }, files: ['program.ts'] };
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify(config));
  const made = spawnSync(process.execPath, [TSC, '-p', app], { encoding: 'utf8' });
  if (made.status !== 0) problems.push(`a program does not compile with ${resolution}:\n${made.stdout}`);
}

async function checkServer() {
  const cwd = join(folder, 'app');
  const env = { PATH: process.env.PATH, HOME: folder };
  const server = spawn('npx', ['--no', 'weft', 'serve', '--port', '0'], { cwd, env, detached: true });
  const ended = once(server, 'close');
  let said = '';
  const ready = new Promise((resolve) => {
    server.stdout.on('data', (chunk) => {
      said += chunk;
      const [, url] = /^weft listening on (\S+)$/m.exec(said) ?? [];
      if (url !== undefined) resolve(url);
    });
    server.stderr.on('data', (chunk) => {
      said += chunk;
    });
    ended.then(() => resolve(undefined));
  });
  const url = await ready;
  if (url === undefined) {
    problems.push(`npx weft serve does not start:\n${said}`);
    return;
  }
  for (const path of ['/livez', '/console', '/v1/graphs/default']) {
    const { status } = await fetch(url + path);
    if (status !== 200) problems.push(`${path} answers ${status}`);
  }
  process.kill(-server.pid, 'SIGTERM');
  await ended;
  if (!existsSync(join(cwd, 'data'))) problems.push('the server kept nothing in ./data');
}
