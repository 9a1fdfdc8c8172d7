/**
 * The procedures that every graph has: what there is in it. They look at the elements, so what they name is there, and what is
 * gone is not named.
 */
import { compareText } from '../../base/order.ts';
import type { RegisteredProcedure } from '../execution/query-engine.ts';
import type { Run } from '../execution/run.ts';
import type { ProcedureSignature } from '../plan/planned-statement.ts';
import { PropertyTypes } from './property-types.ts';
import { showProcedures } from './show.ts';
import { type Row, Survey } from './survey.ts';

/** One without arguments. @param results names of its columns, and their types */
function survey(
  name: string,
  results: Readonly<Record<string, string>>,
  call: (run: Run) => Iterable<Row>,
): readonly [string, RegisteredProcedure] {
  const columns = Object.entries(results).map(([column, type]) => ({ name: column, type }));
  return [name, { signature: { name, arguments: [], results: columns }, call: (_, run) => call(run) }];
}

/** Scripts wait for the indexes that they declare; here these are there at once. */
function awaiting(name: string, args: ProcedureSignature['arguments']): readonly [string, RegisteredProcedure] {
  return [name, { signature: { name, arguments: args, results: [] }, call: () => [] }];
}

function inOneColumn(names: ReadonlySet<string>): Row[] {
  return Array.from(names)
    .sort(compareText)
    .map((name) => [name]);
}

function labels(run: Run): Iterable<Row> {
  const { graph } = run;
  const names = new Set<string>();
  const see = (node: number) => {
    for (const label of graph.labels(node)) names.add(label);
  };
  return new Survey(run, [{ cursor: graph.scanNodes(), see }], () => inOneColumn(names));
}

function relationshipTypes(run: Run): Iterable<Row> {
  const { graph } = run;
  const names = new Set<string>();
  const see = (edge: number) => void names.add(graph.type(edge));
  return new Survey(run, [{ cursor: graph.scanEdges(undefined), see }], () => inOneColumn(names));
}

function propertyKeys(run: Run): Iterable<Row> {
  const { graph } = run;
  const names = new Set<string>();
  const add = (properties: object) => {
    for (const name of Object.keys(properties)) names.add(name);
  };
  const scans = [
    { cursor: graph.scanNodes(), see: (node: number) => add(graph.nodeProperties(node)) },
    { cursor: graph.scanEdges(undefined), see: (edge: number) => add(graph.edgeProperties(edge)) },
  ];
  return new Survey(run, scans, () => inOneColumn(names));
}

/** As one text: `:`A`:`B``. */
const labelsText = (names: readonly string[]): string =>
  names.map((name) => `:\`${name.replaceAll('`', '``')}\``).join('');

function nodeTypeProperties(run: Run): Iterable<Row> {
  const { graph } = run;
  const found = new PropertyTypes();
  const labelsOf = new Map<string, readonly string[]>();
  const see = (node: number) => {
    const names = graph.labels(node);
    const kind = labelsText(names);
    labelsOf.set(kind, names);
    found.see(kind, graph.nodeProperties(node));
  };
  return new Survey(run, [{ cursor: graph.scanNodes(), see }], () =>
    found.rows((kind) => [kind, [...(labelsOf.get(kind) ?? [])]]),
  );
}

function relTypeProperties(run: Run): Iterable<Row> {
  const { graph } = run;
  const found = new PropertyTypes();
  const see = (edge: number) => found.see(labelsText([graph.type(edge)]), graph.edgeProperties(edge));
  return new Survey(run, [{ cursor: graph.scanEdges(undefined), see }], () => found.rows((kind) => [kind]));
}

const PROPERTY_COLUMNS = { propertyName: 'STRING', propertyTypes: 'LIST<STRING>', mandatory: 'BOOLEAN' };

const TIMEOUT = { name: 'timeOutSeconds', type: 'INTEGER', optional: true };

/** Those that users call. */
const CALLED: readonly (readonly [string, RegisteredProcedure])[] = [
  survey('db.labels', { label: 'STRING' }, labels),
  survey('db.relationshipTypes', { relationshipType: 'STRING' }, relationshipTypes),
  survey('db.propertyKeys', { propertyKey: 'STRING' }, propertyKeys),
  survey(
    'db.schema.nodeTypeProperties',
    { nodeType: 'STRING', nodeLabels: 'LIST<STRING>', ...PROPERTY_COLUMNS },
    nodeTypeProperties,
  ),
  survey('db.schema.relTypeProperties', { relType: 'STRING', ...PROPERTY_COLUMNS }, relTypeProperties),
  awaiting('db.awaitIndex', [{ name: 'indexName', type: 'STRING' }, TIMEOUT]),
  awaiting('db.awaitIndexes', [TIMEOUT]),
];

/** By name, as Neo4j calls them; and those behind SHOW. */
export const BUILT_IN_PROCEDURES: ReadonlyMap<string, RegisteredProcedure> = new Map([
  ...CALLED,
  ...showProcedures(() => CALLED.map(([, { signature }]) => signature)),
]);
