/**
 * Which servers vote, as this one knows it durably, and the configuration in which it votes itself. Both are one note, so
 * that a crash leaves either both or none. A server that has learned of a configuration never goes back to an earlier one;
 * servers tell each other in the first frame of every link, so whoever holds anything of a cluster knows that it was founded.
 */
import { fromUtf8, toUtf8 } from '../../base/text.ts';
import type { Notes } from './cluster-identity.ts';
import { type Configuration, configurationText, parseConfiguration, UNFOUNDED } from './configuration.ts';

const NOTE = 'voters';

export class VoterSet {
  readonly #notes: Notes;
  #configuration: Configuration;
  #votesIn: number;
  #durable: Promise<void> = Promise.resolve();
  #onChange: () => void = () => undefined;

  private constructor(notes: Notes, configuration: Configuration, votesIn: number) {
    this.#notes = notes;
    this.#configuration = configuration;
    this.#votesIn = votesIn;
  }

  static async read(notes: Notes): Promise<VoterSet> {
    const note = await notes.readNote(NOTE);
    if (note === undefined) return new VoterSet(notes, UNFOUNDED, 0);
    const { configuration, votesIn } = JSON.parse(fromUtf8(note)) as { configuration: string; votesIn: number };
    return new VoterSet(notes, parseConfiguration(configuration), votesIn);
  }

  /** The last one that this server heard of. It takes part in no decision of an earlier one. */
  get configuration(): Configuration {
    return this.#configuration;
  }

  /** Number of the last configuration in which this server voted; 0 if it never did, or has forgotten what. */
  get votesIn(): number {
    return this.#votesIn;
  }

  /** Resolves when all that was said here so far is durable. */
  get durable(): Promise<void> {
    return this.#durable;
  }

  isVoter(name: string): boolean {
    return this.#configuration.voters.includes(name);
  }

  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /** Takes a configuration over if it is later than the own one. STR-12: nothing is decided by an earlier one from then on. */
  adopt(configuration: Configuration): void {
    if (configuration.number <= this.#configuration.number) return;
    this.#configuration = configuration;
    this.#write();
    this.#onChange();
  }

  /** This server votes in the configuration from now on. Resolves when that is durable. */
  vote(): Promise<void> {
    this.#votesIn = this.#configuration.number;
    return this.#write();
  }

  #write(): Promise<void> {
    const note = { configuration: configurationText(this.#configuration), votesIn: this.#votesIn };
    const written = this.#notes.writeNote(NOTE, toUtf8(JSON.stringify(note)));
    const before = this.#durable;
    const durable = Promise.all([before, written]).then(() => undefined);
    // Who waits for it gets the failure; the store says so to everybody else.
    durable.catch(() => undefined);
    this.#durable = durable;
    return durable;
  }
}
