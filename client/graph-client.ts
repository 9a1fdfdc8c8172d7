/** One graph over HTTP: elements, batches, queries, import and export. */
import { WeftError } from '../base/errors.ts';
import { pathName } from '../base/path-name.ts';
import { setOwn } from '../base/record.ts';
import { parseExactJson } from '../graph/exact-json.ts';
import { decodeValue, printJson, printValue } from '../graph/json-values.ts';
import type { Value } from '../graph/value.ts';
import type {
  BatchOperation,
  BatchResult,
  Change,
  ClientEdge,
  ClientNode,
  ClientProperties,
  Direction,
  ImportElement,
  ImportReport,
  ListOptions,
  NewEdge,
  NewNode,
  NodePatch,
  QueryCallOptions,
  QueryCounters,
  QueryPlan,
  QueryResult,
  Versioned,
  WriteOptions,
} from './graph-client-types.ts';
import { type Call, type CallOptions, type HttpCalls, problemError, type WholeAnswer } from './http-calls.ts';
import { importChunks } from './import-chunks.ts';
import { linesOf } from './json-lines.ts';
import { type Numbers, type Row, rowOf, withNumbers } from './result-rows.ts';

const TYPED_JSON = 'application/vnd.neo4j.query';
const PAGE_ITEMS = 1000;

type Wire = { readonly [key: string]: unknown };
type Parameters = Readonly<Record<string, string | number | boolean | undefined>>;

export class GraphClient {
  readonly name: string;
  readonly #calls: HttpCalls;
  readonly #numbers: Numbers;
  readonly #path: string;

  constructor(name: string, calls: HttpCalls, numbers: Numbers) {
    this.name = name;
    this.#calls = calls;
    this.#numbers = numbers;
    this.#path = `/v1/graphs/${pathName('graph name', name)}`;
  }

  // --- nodes

  /** @throws WeftError `node-exists` */
  async createNode(node: NewNode = {}, options: WriteOptions = {}): Promise<Versioned<ClientNode>> {
    return this.#versioned(await this.#write('POST', '/nodes', node, 'keyed', options), nodeOf);
  }

  /** The node, or undefined if there is none with this id. */
  async getNode(id: string, options: CallOptions = {}): Promise<Versioned<ClientNode> | undefined> {
    const answer = await unlessNotFound('node-not-found', this.#read(nodePath(id), {}, options));
    return answer && this.#versioned(answer, nodeOf);
  }

  /** Creates the node, or replaces all of it. */
  async putNode(id: string, node: Omit<NewNode, 'id'>, options: WriteOptions = {}): Promise<Versioned<ClientNode>> {
    return this.#versioned(await this.#write('PUT', nodePath(id), node, repeatable(options), options), nodeOf);
  }

  /** Changes what `patch` names. @throws WeftError `node-not-found`, `property-type` */
  async patchNode(id: string, patch: NodePatch, options: WriteOptions = {}): Promise<Versioned<ClientNode>> {
    return this.#versioned(await this.#write('PATCH', nodePath(id), patch, 'keyed', options), nodeOf);
  }

  /** @throws WeftError `node-not-found`; `node-has-edges` without `detach` */
  async deleteNode(id: string, options: WriteOptions & { readonly detach?: boolean } = {}): Promise<void> {
    const path = withQuery(nodePath(id), { detach: options.detach });
    await this.#write('DELETE', path, undefined, 'keyed', options);
  }

  /** All nodes that match, page by page as they are taken. */
  nodes(
    filter: { readonly label?: string; readonly properties?: ClientProperties } = {},
    options: ListOptions = {},
  ): AsyncIterable<ClientNode> {
    const properties: Record<string, string> = {};
    for (const [name, value] of Object.entries(filter.properties ?? {})) {
      setOwn(properties, `property.${name}`, printValue(value));
    }
    return this.#pages('/nodes', { label: filter.label, ...properties }, 'nodes', nodeOf, options);
  }

  /** Edges of a node. */
  edgesOf(
    id: string,
    filter: { readonly direction?: Direction; readonly type?: string } = {},
    options: ListOptions = {},
  ): AsyncIterable<ClientEdge> {
    return this.#pages(`${nodePath(id)}/edges`, { ...filter }, 'edges', edgeOf, options);
  }

  /** The distinct nodes within `depth` hops. */
  neighbors(
    id: string,
    filter: { readonly direction?: Direction; readonly type?: string; readonly depth?: number } = {},
    options: ListOptions = {},
  ): AsyncIterable<ClientNode> {
    return this.#pages(`${nodePath(id)}/neighbors`, { ...filter }, 'nodes', nodeOf, options);
  }

  /** A path with the fewest edges, or null if there is none. */
  async shortestPath(
    path: {
      readonly from: string;
      readonly to: string;
      readonly direction?: Direction;
      readonly type?: string;
      readonly maxDepth?: number;
    },
    options: CallOptions = {},
  ): Promise<{ readonly nodes: readonly ClientNode[]; readonly edges: readonly ClientEdge[] } | null> {
    const { text } = await this.#read('/paths/shortest', { ...path }, options);
    const found = (parseExactJson(text) as { readonly path: { nodes: Wire[]; edges: Wire[] } | null }).path;
    return (
      found && {
        nodes: found.nodes.map((node) => nodeOf(node, this.#numbers)),
        edges: found.edges.map((edge) => edgeOf(edge, this.#numbers)),
      }
    );
  }

  // --- edges

  /** @throws WeftError `edge-exists`, `endpoint-missing` */
  async createEdge(edge: NewEdge, options: WriteOptions = {}): Promise<Versioned<ClientEdge>> {
    return this.#versioned(await this.#write('POST', '/edges', edge, 'keyed', options), edgeOf);
  }

  /** The edge, or undefined if there is none with this id. */
  async getEdge(id: string, options: CallOptions = {}): Promise<Versioned<ClientEdge> | undefined> {
    const answer = await unlessNotFound('edge-not-found', this.#read(edgePath(id), {}, options));
    return answer && this.#versioned(answer, edgeOf);
  }

  /** @throws WeftError `edge-not-found`, `property-type` */
  async patchEdge(
    id: string,
    patch: { readonly properties: Readonly<Record<string, Change>> },
    options: WriteOptions = {},
  ): Promise<Versioned<ClientEdge>> {
    return this.#versioned(await this.#write('PATCH', edgePath(id), patch, 'keyed', options), edgeOf);
  }

  /** @throws WeftError `edge-not-found` */
  async deleteEdge(id: string, options: WriteOptions = {}): Promise<void> {
    await this.#write('DELETE', edgePath(id), undefined, 'keyed', options);
  }

  // --- many at a time

  /** All operations as one commit, or none. The error of a failed one has its index under `context.operation`. */
  async batch(operations: readonly BatchOperation[], options: CallOptions = {}): Promise<readonly BatchResult[]> {
    const { text } = await this.#write('POST', '/batch', { operations }, 'keyed', options);
    const { results } = parseExactJson(text) as { readonly results: readonly Wire[] };
    return results.map((result) => this.#batchResult(result));
  }

  #batchResult(wire: Wire): BatchResult {
    const { op, id, created, version } = wire as unknown as BatchResult;
    const element = (wire.node ?? wire.edge) as Wire | undefined;
    const decoded =
      element && (element.type === undefined ? nodeOf(element, this.#numbers) : edgeOf(element, this.#numbers));
    return {
      op,
      id,
      ...(created !== undefined && { created }),
      ...(version !== undefined && { version }),
      ...(decoded !== undefined && { element: decoded }),
    };
  }

  /**
   * Creates or replaces elements, in order, nodes before their edges. Not one commit: what came before an error stays.
   * @throws WeftError `invalid-import-line`, with what was `applied` and the `line`, counted over the whole import
   */
  async import(
    elements: Iterable<ImportElement> | AsyncIterable<ImportElement>,
    options: CallOptions = {},
  ): Promise<ImportReport> {
    let report: ImportReport = { nodes: 0, edges: 0, lines: 0 };
    for await (const { number, body, isRepeatable } of importChunks(elements)) {
      const headers = { 'Content-Type': 'application/x-ndjson' };
      const repeating = isRepeatable ? 'harmless' : 'keyed';
      // A key stands for one request.
      const { idempotencyKey: key } = options;
      const own = key === undefined || number === 0 ? options : { ...options, idempotencyKey: `${key}/${number}` };
      const call: Call = { method: 'POST', path: `${this.#path}/import`, body, headers, repeating, options: own };
      try {
        const one = JSON.parse((await this.#calls.whole(call)).text) as ImportReport;
        report = {
          nodes: report.nodes + one.nodes,
          edges: report.edges + one.edges,
          lines: report.lines + one.lines,
        };
      } catch (error) {
        if (!(error instanceof WeftError) || typeof error.context.line !== 'number') throw error;
        const line = error.context.line + report.lines;
        throw new WeftError(error.code, error.message, { ...error.context, line, appliedBefore: report }, error);
      }
    }
    return report;
  }

  /** All nodes, then all edges. Ending early ends the export. */
  async *export(options: CallOptions = {}): AsyncGenerator<ImportElement> {
    for await (const line of this.#lines({ method: 'GET', path: '/export', repeating: 'reads', options })) {
      yield exported(parseExactJson(line) as Wire, this.#numbers);
    }
  }

  // --- queries

  /**
   * Runs openCypher and gives all rows, each by the names of its columns. A statement that writes has committed.
   * @throws WeftError `query-error` with `errorType`, `errorDetail` and `position` in its context
   */
  async query<R extends Row = Row>(
    statement: string,
    parameters: ClientProperties = {},
    options: QueryCallOptions = {},
  ): Promise<QueryResult<R>> {
    const call = this.#queryCall(statement, parameters, options, TYPED_JSON);
    const { data, counters, queryPlan } = JSON.parse((await this.#calls.whole(call)).text) as {
      readonly data: { readonly fields: readonly string[]; readonly values: readonly (readonly unknown[])[] };
      readonly counters: QueryCounters;
      readonly queryPlan?: QueryPlan;
    };
    const rows = data.values.map((values) => rowOf<R>(data.fields, values, this.#numbers));
    return { fields: data.fields, rows, counters, ...(queryPlan !== undefined && { plan: queryPlan }) };
  }

  /**
   * Runs openCypher and gives rows as the server finds them. Ending early ends the statement.
   * @throws WeftError as `query`, also after some rows
   */
  async *stream<R extends Row = Row>(
    statement: string,
    parameters: ClientProperties = {},
    options: QueryCallOptions = {},
  ): AsyncGenerator<R> {
    let fields: readonly string[] = [];
    const call = this.#queryCall(statement, parameters, options, `${TYPED_JSON}, application/jsonl`);
    let isComplete = false;
    for await (const line of this.#lines(call, true)) {
      const { $event: event, _body: body } = JSON.parse(line) as { readonly $event: string; readonly _body: unknown };
      if (event === 'Header') fields = (body as { readonly fields: readonly string[] }).fields;
      else if (event === 'Record') yield rowOf<R>(fields, body as readonly unknown[], this.#numbers);
      else if (event === 'Error') throw problemError(200, JSON.stringify((body as readonly unknown[])[0]));
      else if (event === 'Summary') {
        isComplete = true;
        for (const token of (body as { readonly bookmarks: readonly string[] }).bookmarks) {
          this.#calls.session.seen([], token);
        }
      }
    }
    if (!isComplete) throw new WeftError('answer-lost', 'the rows ended before their end');
  }

  #queryCall(statement: string, parameters: ClientProperties, options: QueryCallOptions, accept: string): Call {
    const { readOnly, maxRows, timeoutMs } = options;
    const members = [`"statement":${JSON.stringify(statement)}`, `"parameters":${printValue(parameters as Value)}`];
    if (readOnly === true) members.push('"accessMode":"READ"');
    if (maxRows !== undefined) members.push(`"maxRows":${maxRows}`);
    if (timeoutMs !== undefined) members.push(`"timeoutMs":${timeoutMs}`);
    return {
      method: 'POST',
      path: `${this.#path}/query`,
      body: `{${members.join(',')}}`,
      headers: { Accept: accept },
      repeating: readOnly === true ? 'reads' : 'unknown',
      endsItself: timeoutMs !== undefined,
      options,
    };
  }

  /** Equal on servers that hold the same graph. */
  async digest(options: CallOptions = {}): Promise<string> {
    const { text } = await this.#read('/digest', {}, options);
    return (JSON.parse(text) as { readonly digest: string }).digest;
  }

  // --- calls

  #read(path: string, query: Parameters, options: CallOptions): Promise<WholeAnswer> {
    const full = withQuery(this.#path + path, query);
    return this.#calls.whole({ method: 'GET', path: full, repeating: 'reads', options });
  }

  #write(
    method: Call['method'],
    path: string,
    document: object | undefined,
    repeating: Call['repeating'],
    options: WriteOptions,
  ): Promise<WholeAnswer> {
    const headers: Record<string, string> = {};
    if (options.ifMatch !== undefined) headers['If-Match'] = `"${options.ifMatch}"`;
    if (options.ifAbsent === true) headers['If-None-Match'] = '*';
    const body = document === undefined ? {} : { body: printJson(document) };
    return this.#calls.whole({ method, path: this.#path + path, ...body, headers, repeating, options });
  }

  async *#lines(call: Call, isWholePath = false): AsyncGenerator<string> {
    const path = isWholePath ? call.path : this.#path + call.path;
    const { answer, end } = await this.#calls.open({ ...call, path });
    try {
      const reader = answer.body?.getReader();
      if (reader === undefined) return;
      for await (const line of linesOf(reader)) if (line !== '') yield line;
    } catch (error) {
      const { signal } = call.options;
      if (signal?.aborted === true) throw signal.reason;
      throw new WeftError('answer-lost', `the answer broke off: ${(error as Error).message}`, {}, error);
    } finally {
      end();
    }
  }

  async *#pages<T>(
    path: string,
    query: Parameters,
    member: 'nodes' | 'edges',
    decode: (wire: Wire, numbers: Numbers) => T,
    options: ListOptions,
  ): AsyncGenerator<T> {
    let cursor: string | undefined;
    do {
      const { text } = await this.#read(path, { ...query, limit: options.pageItems ?? PAGE_ITEMS, cursor }, options);
      const page = parseExactJson(text) as { readonly [key: string]: unknown };
      for (const item of page[member] as readonly Wire[]) yield decode(item, this.#numbers);
      cursor = page.cursor as string | undefined;
    } while (cursor !== undefined);
  }

  #versioned<T extends object>(
    { text, headers }: WholeAnswer,
    decode: (wire: Wire, numbers: Numbers) => T,
  ): Versioned<T> {
    const version = headers.get('etag')?.replace(/^"|"$/g, '') ?? '';
    return { ...decode(parseExactJson(text) as Wire, this.#numbers), version };
  }
}

async function unlessNotFound<T>(code: string, answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof WeftError && error.code === code) return undefined;
    throw error;
  }
}

/** Replacing an element by the same again changes nothing, unless the version was asked for. */
function repeatable({ ifMatch, ifAbsent }: WriteOptions): Call['repeating'] {
  return ifMatch === undefined && ifAbsent !== true ? 'harmless' : 'keyed';
}

const nodePath = (id: string) => `/nodes/${pathName('node id', id)}`;
const edgePath = (id: string) => `/edges/${pathName('edge id', id)}`;

function withQuery(path: string, query: Parameters): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const text = given.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`);
  return text.length === 0 ? path : `${path}?${text.join('&')}`;
}

function propertiesOf(wire: unknown, numbers: Numbers): ClientProperties {
  const properties: { [name: string]: Value } = {};
  for (const [name, value] of Object.entries(wire as Wire)) {
    setOwn(properties, name, withNumbers(decodeValue(value, name), numbers));
  }
  return properties;
}

function nodeOf({ id, labels, properties }: Wire, numbers: Numbers): ClientNode {
  return { id: id as string, labels: labels as readonly string[], properties: propertiesOf(properties, numbers) };
}

function edgeOf({ id, type, from, to, properties }: Wire, numbers: Numbers): ClientEdge {
  const ends = { type: type as string, from: from as string, to: to as string };
  return { id: id as string, ...ends, properties: propertiesOf(properties, numbers) };
}

function exported(wire: Wire, numbers: Numbers): ImportElement {
  if (wire.type === 'node') return { kind: 'node', ...nodeOf(wire, numbers) };
  const [start, end] = [wire.start as Wire, wire.end as Wire];
  return { kind: 'edge', ...edgeOf({ ...wire, type: wire.label, from: start.id, to: end.id }, numbers) };
}
