/**
 * PostgreSQL of Debian, a table of people and one of edges, indexed by both ends, asked by `pg` with prepared statements
 * over 16 connections on a socket. Started for this run alone, without syncing, as the queries only read.
 */
import { type SpawnSyncOptionsWithStringEncoding, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { peerPackage } from './peer-packages.ts';
import { cityName, type PeopleGraph, personName } from './people-graph.ts';
import type { OpenPeer } from './query-peer.ts';
import { temporaryDirectory } from './settings.ts';

interface Pool {
  query(query: {
    readonly name?: string;
    readonly text: string;
    readonly values?: readonly unknown[];
    readonly rowMode: 'array';
  }): Promise<{ readonly rows: readonly (readonly (number | string)[])[] }>;
  end(): Promise<void>;
}
interface Pg {
  readonly Pool: new (options: {
    readonly host: string;
    readonly user: string;
    readonly database: string;
    readonly max: number;
  }) => Pool;
}

const CONNECTIONS = 16;
const VERSIONS_FOLDER = '/usr/lib/postgresql';

export const openPostgres: OpenPeer = async (graph) => {
  const found = await peerPackage('pg');
  if (typeof found === 'string') return found;
  const version = existsSync(VERSIONS_FOLDER) ? readdirSync(VERSIONS_FOLDER).at(-1) : undefined;
  if (version === undefined) return 'it is not installed (Debian: `postgresql`)';
  const programs = join(VERSIONS_FOLDER, version, 'bin');
  const directory = temporaryDirectory('postgres');
  // It refuses to run as root.
  const user = spawnSync('id', ['-u', 'postgres'], { encoding: 'utf8' });
  const uid = process.getuid?.() === 0 ? Number(user.stdout) : undefined;
  if (uid !== undefined) {
    chmodSync(join(directory, '..'), 0o755);
    chownSync(directory, uid, -1);
  }
  const start = (program: string, args: readonly string[]) => {
    const options: SpawnSyncOptionsWithStringEncoding = {
      encoding: 'utf8',
      cwd: directory,
      stdio: ['ignore', 'ignore', 'pipe'],
      ...(uid !== undefined && { uid }),
    };
    const { status, stderr } = spawnSync(join(programs, program), args, options);
    if (status !== 0) throw new Error(`${program}: ${stderr}`);
  };
  const data = join(directory, 'data');
  start('initdb', ['-D', data, '-U', 'weft', '--auth=trust', '-E', 'UTF8', '--no-sync']);
  const flags = `-k ${directory} -c listen_addresses= -c fsync=off -c shared_buffers=512MB -c max_connections=40`;
  start('pg_ctl', ['-D', data, '-o', flags, '-l', join(directory, 'log'), '-w', 'start']);
  const stop = () => start('pg_ctl', ['-D', data, '-m', 'immediate', 'stop']);
  process.once('exit', () =>
    spawnSync(join(programs, 'pg_ctl'), ['-D', data, '-m', 'immediate', 'stop'], uid === undefined ? {} : { uid }),
  );
  // It would outlive a benchmark that is interrupted.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  writeFileSync(join(directory, 'load.sql'), loadScript(graph));
  start('psql', [
    '-h',
    directory,
    '-U',
    'weft',
    '-d',
    'postgres',
    '-q',
    '-v',
    'ON_ERROR_STOP=1',
    '-f',
    join(directory, 'load.sql'),
  ]);
  const { Pool } = (found.module as { readonly default: Pg }).default;
  const pool = new Pool({ host: directory, user: 'weft', database: 'postgres', max: CONNECTIONS });
  return {
    name: `PostgreSQL ${version}`,
    inFlight: CONNECTIONS,
    async ask({ name, sql }, parameters) {
      const { rows } = await pool.query({ name, text: sql, values: Object.values(parameters), rowMode: 'array' });
      return rows;
    },
    async close() {
      await pool.end();
      stop();
    },
  };
};

/** Searches from both ends, the smaller frontier first; a level may meet nodes again, which costs no more than to look. */
const PATH_LENGTH = `CREATE FUNCTION path_length(s int, t int, most int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  ahead int[] := ARRAY[s];
  behind int[] := ARRAY[t];
BEGIN
  FOR length IN 1..most LOOP
    IF cardinality(ahead) <= cardinality(behind) THEN
      ahead := ARRAY(SELECT DISTINCT b FROM knows WHERE a = ANY(ahead));
    ELSE
      behind := ARRAY(SELECT DISTINCT a FROM knows WHERE b = ANY(behind));
    END IF;
    IF cardinality(ahead) = 0 OR cardinality(behind) = 0 THEN RETURN NULL; END IF;
    IF EXISTS (SELECT unnest(ahead) INTERSECT SELECT unnest(behind)) THEN RETURN length; END IF;
  END LOOP;
  RETURN NULL;
END $$;`;

function loadScript(graph: PeopleGraph): string {
  const people = Array.from(graph.age, (age, uid) =>
    [uid, personName(uid), age, cityName(graph.city[uid] ?? 0)].join('\t'),
  );
  const edges = Array.from(graph.from, (from, id) => `${id}\t${from}\t${graph.to[id]}`);
  return [
    'CREATE TABLE person(uid int, name text, age int, city text);',
    'COPY person FROM stdin;',
    ...people,
    '\\.',
    'CREATE TABLE knows(id int, a int, b int);',
    'COPY knows FROM stdin;',
    ...edges,
    '\\.',
    'ALTER TABLE person ADD PRIMARY KEY (uid);',
    'CREATE INDEX ON knows(a) INCLUDE (b, id);',
    'CREATE INDEX ON knows(b) INCLUDE (a, id);',
    PATH_LENGTH,
    'VACUUM ANALYZE;',
    '',
  ].join('\n');
}
