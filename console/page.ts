/** What the pages of the console share: the connection, the chosen graph, and a way to tell what happened. Types only. */
import type { GraphClient } from '../client/graph-client.ts';
import type { Connection } from './connection.ts';

export interface App {
  readonly connection: Connection;
  /** Name of the chosen graph. */
  readonly graphName: string;
  readonly graph: GraphClient;
  chooseGraph(name: string): void;
  /** Reads the list of graphs again. */
  refreshGraphs(): Promise<void>;
  /** Says it to everybody, also to those who hear the page. */
  announce(message: string, kind?: 'done' | 'failed'): void;
}

export interface Page {
  readonly element: HTMLElement;
  /** Another graph was chosen, or another token given. */
  reload?(): void;
  /** The page is left. */
  close?(): void;
}

/** @param path what follows the name of the page in the address, decoded */
export type OpenPage = (app: App, path: readonly string[]) => Page;
