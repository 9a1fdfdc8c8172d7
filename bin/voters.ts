/** `weft voters`: who votes on strong operations, and how to change that, one voter at a time. */
import type { Command } from 'commander';
import type { ClusterDescription, QuorumDescription } from '../src/engine-port.ts';
import { type Connection, declareConnectionOptions, getJson, requestJson } from './connection.ts';

export function declareVoters(program: Command): void {
  const voters = program.command('voters').description('show or change who votes on strong operations');
  voters.addHelpText(
    'after',
    '\nExamples:\n  weft voters             who votes\n  weft voters add d       one more; first start it, with all members in --peers\n  weft voters remove b    one less',
  );
  const list = voters.command('list', { isDefault: true }).description('show who votes; what `weft voters` does alone');
  declareConnectionOptions(list);
  list.action(async (connection: Connection) => {
    const { quorum } = await getJson<ClusterDescription>(connection, '/v1/cluster');
    console.log(describeVoters(quorum));
  });
  for (const [verb, method, description] of [
    ['add', 'PUT', 'make a server a voter that runs with the URLs of all members in --peers'],
    ['remove', 'DELETE', 'let a server vote no longer, whether it runs or is lost'],
  ] as const) {
    const command = voters.command(`${verb} <name>`).description(description);
    declareConnectionOptions(command);
    command
      .addHelpText('after', `\nExamples:\n  weft voters ${verb} d\n  weft voters ${verb} d --url http://10.0.0.5:7400`)
      .action(async (name: string, connection: Connection) => {
        const path = `/v1/cluster/voters/${encodeURIComponent(name)}`;
        console.log(describeVoters(await requestJson<QuorumDescription>(connection, method, path)));
      });
  }
}

export function describeVoters(quorum: QuorumDescription): string {
  const { configuration, voters, reachable, majority, votes } = quorum;
  if (voters.length === 0) return 'nobody votes yet: the servers have not all met';
  return [
    `voters (configuration ${configuration}): ${voters.join(', ')}`,
    `${reachable} reachable, ${majority} needed; this server ${votes ? 'votes' : 'does not vote'}`,
  ].join('\n');
}
