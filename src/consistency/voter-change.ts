/**
 * How who votes is changed: one voter at a time, by a configuration that the voters of the present one decide as a strong
 * write of the graph `_system` (SPEC.md, "Who votes").
 */
import { WeftError } from '../../base/errors.ts';
import { type NodeId, nodeId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import type { Operation } from '../../graph/model.ts';
import type { Value } from '../../graph/value.ts';
import type { Graph, VoterChange } from '../engine-port.ts';
import { type Configuration, configurationText, withoutVoter, withVoter } from '../replication/configuration.ts';
import type { Standing } from './voter.ts';
import { majorityOf } from './votes.ts';

const LABEL = 'Voters';
const PROPERTY = 'configuration';
const FORGOTTEN_AT_ONCE = 1000;

export function configurationNode(number: number): NodeId {
  return nodeId(`voters:${number}`);
}

/** Decides a configuration; refused with `node-exists` if another one of its number was decided before. */
export function deciding(configuration: Configuration): Operation {
  const properties: Record<string, Value> = { [PROPERTY]: configurationText(configuration) };
  return { op: 'createNode', id: configurationNode(configuration.number), labels: [LABEL], properties };
}

/** Removes what `deciding` wrote, whose numbers a new cluster would meet again. */
export async function forgetConfigurations(system: Pick<Graph, 'nodes' | 'write'>): Promise<void> {
  for (;;) {
    const { items } = await system.nodes({ label: LABEL }, { limit: FORGOTTEN_AT_ONCE });
    if (items.length === 0) return;
    await system.write(items.map(({ id }) => ({ op: 'deleteNode', id, detach: true })));
  }
}

/** What `deciding` wrote. */
export function decidedText(properties: Readonly<Record<string, Value>>): string | undefined {
  const text = properties[PROPERTY];
  return typeof text === 'string' ? text : undefined;
}

export interface Surroundings {
  readonly self: string;
  /** Whether this server votes now. */
  readonly votes: boolean;
  readonly reachable: readonly string[];
  readonly told: (name: string) => Standing | undefined;
}

/** Names of the voters that are known to vote in the configuration and can be reached. */
export function votingNow({ number, voters }: Configuration, { self, votes, reachable, told }: Surroundings): string[] {
  return voters.filter((name) => (name === self ? votes : reachable.includes(name) && told(name)?.votesIn === number));
}

export type Change =
  /** What is to be decided; undefined if it is as it should be already. */
  | { readonly kind: 'next'; readonly next: Configuration | undefined }
  | {
      readonly kind: 'refused';
      readonly refusal: WeftError;
      /** True if what stands against it may pass by itself. */
      readonly mayPass: boolean;
    };

/** The configuration that a change leads to, or why not: `peer-not-found` or `voters-conflict`, definite. */
export function changed(configuration: Configuration, change: VoterChange, surroundings: Surroundings): Change {
  const { name } = change;
  const { number, voters, before, fresh } = configuration;
  const isVoter = voters.includes(name);
  const isLinked = name === surroundings.self || surroundings.reachable.includes(name);
  const said = surroundings.told(name);
  const passing = (refusal: WeftError): Change => ({ kind: 'refused', refusal, mayPass: true });
  const final = (why: string): Change => ({ kind: 'refused', refusal: conflict(why), mayPass: false });
  if (!isVoter && !isLinked && said === undefined) return passing(unknown(name));
  if (isVoter === (change.kind === 'add')) return { kind: 'next', next: undefined };
  const voting = votingNow(configuration, surroundings);
  const isAwaited = (voter: string) => !voting.includes(voter) && !(isVoter && voter === name);
  const awaited = before.length === 0 ? undefined : fresh.find(([voter]) => isAwaited(voter))?.[0];
  if (awaited !== undefined) return passing(conflict(`${awaited} was made a voter and does not vote yet`));
  if (isVoter && voters.length === 1) return final(`${name} is the last voter`);
  if (!isVoter && voters.length >= LIMITS.votersMax)
    return final(`there are ${voters.length} voters, the most allowed`);
  if (!isVoter && said?.configuration.number !== number)
    return passing(conflict(`${name} has not heard yet who votes`));
  const next = isVoter ? withoutVoter(configuration, name) : withVoter(configuration, name, said?.memory ?? '');
  const present = next.voters.filter((voter) => voting.includes(voter) || (voter === name && isLinked)).length;
  if (present >= majorityOf(next.voters.length)) return { kind: 'next', next };
  return passing(conflict(`of ${next.voters.join(', ')} only ${present} can be reached and would vote`));
}

function unknown(name: string): WeftError {
  return new WeftError(
    'peer-not-found',
    `${name} is not linked; start it with the URLs of all members in --peers first`,
  );
}

export function conflict(why: string): WeftError {
  return new WeftError('voters-conflict', why);
}
