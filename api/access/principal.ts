/**
 * Who asks, and what he may do. A principal is a name with grants; a grant gives rights on graphs, as a whole or in single
 * scopes. A scope is what stands before `!` in the ids of its nodes: a tenant, a user, a project.
 */
export const RIGHTS = ['read', 'write', 'schema', 'admin', 'replicate', 'yjs-write', 'observe'] as const;

/**
 * `write` and `schema` include `read`, as a change answers what it changed; `admin` includes all others. `replicate` opens the
 * channel of offline replicas, which pull what the principal may read and push what it may write. `yjs-write` lets
 * stock Yjs clients edit texts, and nothing else. `observe` reads metrics and the state of the cluster.
 */
export type Right = (typeof RIGHTS)[number];

const INCLUDED: Readonly<Record<Right, readonly Right[]>> = {
  read: ['read'],
  write: ['write', 'read'],
  schema: ['schema', 'read'],
  admin: RIGHTS,
  replicate: ['replicate'],
  'yjs-write': ['yjs-write', 'read'],
  observe: ['observe'],
};

/** Everything, where a set would list names. */
export const ALL = '*';
export type Names = typeof ALL | ReadonlySet<string>;

export interface Grant {
  /** By name. `ALL` leaves out graphs of the server itself, unless the grant has `admin`. */
  readonly graphs: Names;
  readonly scopes: Names;
  /** With all that they include. */
  readonly rights: ReadonlySet<Right>;
}

export interface Principal {
  /** As it appears in the audit log. */
  readonly name: string;
  /** Tells it from others: what is counted, or kept, for a principal. Who is named elsewhere may have the name of a listed token. */
  readonly identity: string;
  readonly grants: readonly Grant[];
  /** True if it may do everything, so that nothing needs to be looked up. */
  readonly isUnlimited: boolean;
}

export function grantOf(graphs: Names, scopes: Names, rights: Iterable<Right>): Grant {
  return { graphs, scopes, rights: new Set([...rights].flatMap((right) => INCLUDED[right])) };
}

export function principalOf(name: string, grants: readonly Grant[], identity = name): Principal {
  const isUnlimited = grants.some(
    ({ graphs, scopes, rights }) => graphs === ALL && scopes === ALL && rights.has('admin'),
  );
  return { name, identity, grants, isUnlimited };
}

/** Whoever knows the one token of `--token`, and everybody on a server that asks for none. */
export function unlimitedPrincipal(name: string): Principal {
  return principalOf(name, [grantOf(ALL, ALL, ['admin'])]);
}
