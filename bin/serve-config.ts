/**
 * The configuration of `weft serve`: every setting once, with its flag, environment variable, unit, default and
 * consequence. Parsed and checked before anything is opened, then frozen.
 */

import { BlockList, isIP } from 'node:net';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { QueryLimits } from '../api/running-queries.ts';
import type { LogLevel } from '../base/env.ts';
import * as LIMITS from '../base/limits.ts';
import type { Quota } from '../graph/quota.ts';
import {
  type AccessOptions,
  type AccessSettings,
  accessOptions,
  accessSettings,
  asksForTokens,
} from './access-settings.ts';
import { type DnsPeers, parseDnsPeers } from './dns-peers.ts';
import { LOG_LEVELS } from './env.ts';
import { UsageError } from './exit.ts';
import { setting, wholeNumber } from './options.ts';

export type Durability = 'disk' | 'buffered';

/** Settings that may differ between servers. */
export interface ProcessSettings {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Absolute path. */
  readonly data: string;
  readonly durability: Durability;
  readonly memoryBudgetBytes: number;
  /** Of graphs that have no quota of their own. The same on every server, or one takes what another refuses. */
  readonly quotaDefaults: Quota;
  readonly queryLimits: QueryLimits;
  readonly logLevel: LogLevel;
}

/** Settings that make the server a member of a cluster. */
export interface ClusterSettings {
  /** What clients must send. The same on every server, or clients cannot go from one to another. */
  readonly token: string | undefined;
  /** Shared by all servers of the cluster; undefined only on loopback. */
  readonly clusterSecret: string | undefined;
  /** URL at which other servers reach this one, for the status; the address that it listens on, unless given. */
  readonly advertise: string | undefined;
  /** URLs of all other voters. Empty for a server that runs alone, or finds them by `dnsPeers`. */
  readonly peers: readonly string[];
  readonly dnsPeers: DnsPeers | undefined;
  /** Whether faults may be put on links and on the clock. */
  readonly chaos: boolean;
  /** A bug that is switched on, to see that it is found; only with `chaos`. */
  readonly plant: string | undefined;
  /** The log counts for so many times its bytes, so that it is cut soon; 1 without `chaos`. */
  readonly logScale: number;
}

export interface ServeConfig {
  readonly process: ProcessSettings;
  readonly cluster: ClusterSettings;
  readonly access: AccessSettings;
}

export interface ServeOptions extends AccessOptions {
  name: string;
  host: string;
  port: number;
  data: string;
  peers: readonly string[] | DnsPeers;
  advertise?: string;
  clusterSecret?: string;
  durability: Durability;
  memory: number;
  quotaElements?: number;
  quotaBytes?: number;
  quotaScopeElements?: number;
  quotaScopeBytes?: number;
  queriesPerPrincipal?: number;
  queriesPerGraph?: number;
  chaos?: boolean;
  logLevel: LogLevel;
}

const MEBIBYTE = 1024 * 1024;
/** Below this a single large partition would not fit, and the server would only hydrate and passivate. */
const MEMORY_MB_MIN = 32;
/** Half of what Node gives to the heap: the rest is for requests, Yjs documents and what the collector leaves behind. */
const MEMORY_MB_DEFAULT = Math.floor(getHeapStatistics().heap_size_limit / 2 / MEBIBYTE);

const QUOTA_FLAGS: readonly (readonly [flag: string, text: string])[] = [
  ['quota-elements', 'nodes and edges of a graph without a quota of its own; without, as many as fit'],
  ['quota-bytes', 'bytes of such a graph'],
  ['quota-scope-elements', 'nodes and edges of each scope of such a graph'],
  ['quota-scope-bytes', 'bytes of each scope of such a graph'],
];

/** Declares the flags of `weft serve` on a command. */
export function declareServeOptions(command: Command): void {
  const options = [
    setting('name', '<name>', 'name of this server in the status and the cluster').default(hostname(), 'the host name'),
    setting('host', '<address>', 'address to listen on; anything but loopback needs --token').default('127.0.0.1'),
    setting('port', '<port>', 'port to listen on; 0 picks a free one').default(7400).argParser(wholeNumber(0, 65535)),
    setting('data', '<folder>', 'data folder; one process at a time').default('./data'),
    setting(
      'peers',
      '<urls>',
      'URLs of all other voting servers, separated by commas, or dns:NAME?servers=N; without, it runs alone',
    )
      .default([], 'none')
      .argParser(peerList),
    setting('advertise', '<url>', 'URL at which the other servers reach this one, for the status').argParser(httpUrl),
    setting(
      'cluster-secret',
      '<secret>',
      'shared by all servers of a cluster, which prove to each other that they know it',
    ).argParser(secret),
    setting(
      'token',
      '<token>',
      'what clients send as `Authorization: Bearer`; without it, none is asked for',
    ).argParser(secret),
    ...accessOptions(),
    setting('durability', '<level>', 'acknowledge a write after fsync (disk) or after the write call (buffered)')
      .choices(['disk', 'buffered'])
      .default('disk'),
    setting('memory', '<megabytes>', 'budget for graph data kept in memory; the rest stays on disk until it is used')
      .default(MEMORY_MB_DEFAULT, `half of Node's heap limit, here ${MEMORY_MB_DEFAULT}`)
      .argParser(wholeNumber(MEMORY_MB_MIN, 1024 * 1024)),
    ...QUOTA_FLAGS.map(([flag, text]) =>
      setting(flag, '<number>', text).argParser(wholeNumber(0, Number.MAX_SAFE_INTEGER)),
    ),
    setting(
      'queries-per-principal',
      '<number>',
      'queries that run at a time for one principal; without, no limit',
    ).argParser(wholeNumber(1, LIMITS.runningQueriesMax)),
    setting('queries-per-graph', '<number>', 'queries that run at a time on one graph; without, no limit').argParser(
      wholeNumber(1, LIMITS.runningQueriesMax),
    ),
    new Option('--chaos', 'let /v1/chaos spoil links and the clock, for experiments (env: WEFT_CHAOS)'),
    setting('log-level', '<level>', 'least severe events to log, as JSON lines on standard error')
      .choices(LOG_LEVELS)
      .default('info'),
  ];
  for (const option of options) command.addOption(option);
}

/**
 * Checks what one flag alone cannot tell, and freezes the result.
 * @throws UsageError that names the flag
 */
export function serveConfig(options: ServeOptions, environment: NodeJS.ProcessEnv): ServeConfig {
  if (options.name.trim() === '') throw new UsageError('--name must not be empty');
  if (options.host.trim() === '') throw new UsageError('--host must not be empty; 127.0.0.1 is the default');
  if (options.data.trim() === '') throw new UsageError('--data must not be empty; ./data is the default');
  const access = accessSettings(options);
  if (!asksForTokens(access) && !isLoopback(options.host)) {
    throw new UsageError(
      `--host ${options.host} is reachable from other machines, so --token (or WEFT_TOKEN), --tokens or --jwt-keys is required: ` +
        'without it anyone could read and change every graph',
    );
  }
  const clusterSecret = options.clusterSecret || undefined;
  checkPeers(options, clusterSecret);
  const chaos = options.chaos === true || isOn(environment.WEFT_CHAOS);
  const plant = environment.WEFT_CHAOS_PLANT || undefined;
  if (plant !== undefined && !chaos) {
    throw new UsageError('WEFT_CHAOS_PLANT switches a bug on, for experiments; it needs --chaos');
  }
  const logScale = Number(environment.WEFT_CHAOS_LOG_SCALE || 1);
  if (!Number.isSafeInteger(logScale) || logScale < 1) {
    throw new UsageError('WEFT_CHAOS_LOG_SCALE must be a whole number from 1 on');
  }
  if (logScale > 1 && !chaos) {
    throw new UsageError('WEFT_CHAOS_LOG_SCALE has the log cut early, for experiments; it needs --chaos');
  }
  return Object.freeze({
    process: Object.freeze({
      name: options.name,
      host: options.host,
      port: options.port,
      data: resolve(options.data),
      durability: options.durability,
      memoryBudgetBytes: options.memory * MEBIBYTE,
      quotaDefaults: Object.freeze(quotaOf(options)),
      queryLimits: Object.freeze({ perPrincipal: options.queriesPerPrincipal, perGraph: options.queriesPerGraph }),
      logLevel: options.logLevel,
    }),
    cluster: Object.freeze({
      token: access.token,
      clusterSecret,
      advertise: options.advertise ?? listenUrl(options),
      peers: Object.freeze('servers' in options.peers ? [] : [...options.peers]),
      dnsPeers: 'servers' in options.peers ? Object.freeze(options.peers) : undefined,
      chaos,
      plant,
      logScale,
    }),
    access,
  });
}

function quotaOf({ quotaElements, quotaBytes, quotaScopeElements, quotaScopeBytes }: ServeOptions): Quota {
  return {
    ...(quotaElements === undefined ? {} : { elements: quotaElements }),
    ...(quotaBytes === undefined ? {} : { bytes: quotaBytes }),
    ...(quotaScopeElements === undefined ? {} : { scopeElements: quotaScopeElements }),
    ...(quotaScopeBytes === undefined ? {} : { scopeBytes: quotaScopeBytes }),
  };
}

/** @throws UsageError if the peers cannot be those of this server, or anyone could speak for them */
function checkPeers(options: ServeOptions, clusterSecret: string | undefined): void {
  const { peers, host } = options;
  if ('servers' in peers) {
    if (clusterSecret === undefined)
      throw new UsageError('--peers dns:... needs --cluster-secret (or WEFT_CLUSTER_SECRET)');
    if (options.advertise !== undefined) return;
    throw new UsageError('--peers dns:... needs --advertise: the URL of this server among those that DNS names');
  }
  const twice = peers.find((url, index) => peers.indexOf(url) !== index);
  if (twice !== undefined) throw new UsageError(`--peers names ${twice} twice`);
  const own = peers.find((url) => isOwnUrl(url, options));
  if (own !== undefined) {
    throw new UsageError(`--peers names the other servers only, but ${own} is this one; leave it out`);
  }
  if (peers.length === 0 || clusterSecret !== undefined) return;
  const remote = peers.find((url) => !isLoopback(hostOf(url)));
  if (remote === undefined && isLoopback(host)) return;
  const where =
    remote === undefined ? `--host ${host} is reachable from other machines` : `${remote} is on another machine`;
  throw new UsageError(
    `${where}, so --peers needs --cluster-secret (or WEFT_CLUSTER_SECRET), the same on every server: ` +
      'without it anyone could pass for a peer',
  );
}

function isOwnUrl(url: string, options: ServeOptions): boolean {
  if (url === options.advertise || url === listenUrl(options)) return true;
  const { port, protocol, pathname } = new URL(url);
  const own = options.tlsCert ? 'https:' : 'http:';
  if (protocol !== own || pathname !== '/' || Number(port || (own === 'http:' ? 80 : 443)) !== options.port)
    return false;
  // All names of loopback, and all addresses if the server listens on all, are this machine.
  return isLoopback(hostOf(url)) && (isLoopback(options.host) || isWildcard(options.host));
}

/** The host of a URL as `isLoopback` takes it. */
function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '');
}

/** Where the server will listen, as far as its settings tell. */
function listenUrl({ host, port, tlsCert }: ServeOptions): string | undefined {
  if (port === 0 || isWildcard(host)) return undefined;
  return httpUrl(`${tlsCert ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`);
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** True if only programs of this machine reach the address. A host name other than localhost may point anywhere. */
export function isLoopback(host: string): boolean {
  const loopback = new BlockList();
  loopback.addSubnet('127.0.0.0', 8, 'ipv4');
  loopback.addAddress('::1', 'ipv6');
  const kind = isIP(host);
  if (kind === 0) return host.toLowerCase() === 'localhost';
  return loopback.check(host, kind === 4 ? 'ipv4' : 'ipv6');
}

function isOn(text: string | undefined): boolean {
  return text !== undefined && !['', '0', 'false', 'no', 'off'].includes(text.toLowerCase());
}

/** An HTTP URL without its trailing slash. */
export function httpUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new InvalidArgumentError('It must be a URL such as http://127.0.0.1:7400.');
  }
  return url.href.replace(/\/+$/, '');
}

function peerList(text: string): readonly string[] | DnsPeers {
  try {
    return parseDnsPeers(text) ?? urlList(text);
  } catch (error) {
    throw error instanceof InvalidArgumentError ? error : new InvalidArgumentError((error as Error).message);
  }
}

function urlList(text: string): readonly string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(httpUrl);
}

/** Header-safe text; empty counts as absent, so that an empty environment variable does not become a secret. */
export function secret(text: string): string {
  if (!/^[\x21-\x7e]*$/.test(text)) {
    throw new InvalidArgumentError('It must consist of visible ASCII characters without spaces.');
  }
  return text;
}
