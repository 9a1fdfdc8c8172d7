/**
 * A configuration says which servers vote. The first one comes about when all servers that were told of each other have met;
 * each later one is decided by a majority of the one before it, and differs from it by one voter. Configurations of one
 * cluster are numbered, so of two that a server hears of the one with the larger number is in force
 * (`src/consistency/SPEC.md`, "Who votes").
 */
import { compareText } from '../../base/order.ts';
import { malformed } from './field-reader.ts';

export interface Configuration {
  /** From 1; 0 before the voters have met. */
  readonly number: number;
  /** Names, sorted. */
  readonly voters: readonly string[];
  /** The voters of the configuration before it. */
  readonly before: readonly string[];
  /** Voters that begin to vote with it, and the memory with which each may do so. */
  readonly fresh: readonly (readonly [name: string, memory: string])[];
}

export const UNFOUNDED: Configuration = { number: 0, voters: [], before: [], fresh: [] };

/** The configuration in which servers that have just met begin to vote. */
export function firstConfiguration(memories: ReadonlyMap<string, string>): Configuration {
  const fresh = Array.from(memories).sort(([a], [b]) => compareText(a, b));
  return { number: 1, voters: fresh.map(([name]) => name), before: [], fresh };
}

/** One voter more. @param memory with which it votes for the first time */
export function withVoter({ number, voters }: Configuration, name: string, memory: string): Configuration {
  const more = [...voters, name].sort(compareText);
  return { number: number + 1, voters: more, before: voters, fresh: [[name, memory]] };
}

/** One voter less. */
export function withoutVoter({ number, voters }: Configuration, name: string): Configuration {
  return { number: number + 1, voters: voters.filter((other) => other !== name), before: voters, fresh: [] };
}

export function sameNames(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, i) => name === other[i]);
}

export function configurationText({ number, voters, before, fresh }: Configuration): string {
  return JSON.stringify([number, voters, before, fresh]);
}

/** @throws WeftError `malformed-request` for text that is no configuration */
export function parseConfiguration(text: string): Configuration {
  try {
    const [number, voters, before, fresh] = JSON.parse(text) as readonly unknown[];
    const isGood = Number.isSafeInteger(number) && (number as number) >= 0 && isNames(voters) && isNames(before);
    if (isGood && Array.isArray(fresh) && fresh.every((pair) => isNames(pair) && pair.length === 2)) {
      return { number: number as number, voters, before, fresh: fresh as (readonly [string, string])[] };
    }
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
  }
  throw malformed(`${text.slice(0, 100)} is no configuration`);
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}
