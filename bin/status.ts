/** `weft status`: what a running server says of itself, its cluster and its graphs. */
import type { Command } from 'commander';
import type { ClusterDescription, Member } from '../src/engine-port.ts';
import { type Connection, declareConnectionOptions, getJson, Refused } from './connection.ts';
import { count, duration } from './progress.ts';
import { describeVoters } from './voters.ts';

interface StatusOptions extends Connection {
  readonly json?: boolean;
}

interface GraphStatus {
  readonly name: string;
  readonly partitions: number;
  readonly nodes: number;
  readonly edges: number;
}

interface Status extends ClusterDescription {
  readonly url: string;
  readonly graphs: readonly GraphStatus[];
}

export function declareStatus(program: Command): void {
  const command = program
    .command('status')
    .description('show a running server, its cluster and its graphs')
    .option('--json', 'print JSON for programs');
  declareConnectionOptions(command);
  command
    .addHelpText(
      'after',
      `
Examples:
  weft status
  weft status --url http://10.0.0.5:7400 --token "$TOKEN" --json`,
    )
    .action(async (options: StatusOptions) => {
      const status = await readStatus(options);
      console.log(options.json === true ? JSON.stringify(status, undefined, 2) : describeStatus(status));
    });
}

/** Without the graphs that are deleted while it counts. @throws as `getJson` */
export async function readStatus(connection: Connection): Promise<Status> {
  const [cluster, listed] = await Promise.all([
    getJson<ClusterDescription>(connection, '/v1/cluster'),
    getJson<{ graphs: readonly { name: string; partitions: number }[] }>(connection, '/v1/graphs'),
  ]);
  const graphs: GraphStatus[] = [];
  for (const { name, partitions } of listed.graphs) {
    // The integrity report counts what is visible; there is no cheaper call that does.
    const path = `/v1/graphs/${encodeURIComponent(name)}/integrity`;
    const counts = await getJson<{ nodes: number; edges: number }>(connection, path).catch((error: unknown) => {
      if (error instanceof Refused && error.code === 'graph-not-found') return undefined;
      throw error;
    });
    if (counts !== undefined) graphs.push({ name, partitions, nodes: counts.nodes, edges: counts.edges });
  }
  return { url: connection.url, ...cluster, graphs };
}

/** The status as a page for people. */
export function describeStatus(status: Status): string {
  const graphs = status.graphs.map(({ name, nodes, edges, partitions }) => [
    name,
    count(nodes),
    count(edges),
    count(partitions),
  ]);
  const vector = Object.entries(status.vector).map(([origin, seq]) => [origin, count(seq)]);
  return [
    `${status.self.name} at ${status.url}, replica ${status.self.replicaId}`,
    '',
    'members',
    ...memberLines(status.members),
    '',
    describeVoters(status.quorum),
    '',
    'graphs',
    ...table([['name', 'nodes', 'edges', 'partitions'], ...graphs], ''),
    '',
    'vector (commits applied here, by origin)',
    ...table(vector, 'empty: nothing was written yet'),
  ].join('\n');
}

/** What this server sees of each member, and under it why a link is not up. */
function memberLines(members: readonly Member[]): string[] {
  if (members.length <= 1) return ['  none but this one: it runs alone'];
  const rows = members.map((member) => [member.name, member.url || '-', member.state, ...linkCells(member)]);
  const lines = table([['name', 'url', 'state', 'heard', 'lag', 'link', 'sent', 'received'], ...rows], '');
  const reasons = members.flatMap(({ name, self, link }) =>
    self || link.state === 'up' || link.reason === undefined ? [] : [`  link to ${name} ${link.state}: ${link.reason}`],
  );
  return [...lines, ...reasons];
}

function linkCells({ self, heardMsAgo, lagCommits, lagMs, link }: Member): readonly string[] {
  if (self) return ['-', '-', 'this server', '-', '-'];
  return [
    heardMsAgo === undefined ? 'never' : `${duration(heardMsAgo / 1000)} ago`,
    lagCommits === 0
      ? 'none'
      : `${count(lagCommits)} ${lagCommits === 1 ? 'commit' : 'commits'}, ${duration(lagMs / 1000)}`,
    link.state,
    bytes(link.bytesSent),
    bytes(link.bytesReceived),
  ];
}

function bytes(number: number): string {
  if (number < 1000) return `${number} B`;
  if (number < 1e6) return `${(number / 1e3).toFixed(1)} kB`;
  return `${(number / 1e6).toFixed(1)} MB`;
}

/** Indented columns; a column of numbers is aligned to the right. */
function table(rows: readonly (readonly string[])[], empty: string): string[] {
  if (rows.length === 0) return [`  ${empty}`];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const numeric = widths.map((_, column) => rows.slice(1).some((row) => /^[\d,]+$/.test(row[column] ?? '')));
  return rows.map((row) =>
    `  ${row
      .map((cell, column) => (numeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')}`.trimEnd(),
  );
}
