/** The files in `deploy/` fit the program and each other: they are only text, and nothing else would notice. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { openTestServer, type TestServer } from '../../api/server.model.ts';
import { declareServeOptions, type ServeOptions, serveConfig } from '../../bin/serve-config.ts';

const file = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

// biome-ignore lint/suspicious/noExplicitAny: a manifest is any tree
type Tree = any;

/** The configuration that a server takes from these variables. */
function configured(environment: Readonly<Record<string, string>>) {
  const saved = { ...process.env };
  const command = new Command('serve').exitOverride();
  Object.assign(process.env, environment);
  try {
    declareServeOptions(command);
    const known = command.options.map(({ envVar }) => envVar);
    for (const name of Object.keys(environment)) if (name.startsWith('WEFT_')) expect(known).toContain(name);
    command.parse([], { from: 'user' });
    return serveConfig(command.opts<ServeOptions>(), process.env);
  } finally {
    for (const name of Object.keys(environment)) delete process.env[name];
    Object.assign(process.env, saved);
  }
}

describe('deploy/kubernetes.yaml', () => {
  const documents: Tree[] = parseAllDocuments(file('deploy/kubernetes.yaml')).map((document) => document.toJS());
  const only = (kind: string, name: string): Tree => {
    const found = documents.filter((one) => one.kind === kind && one.metadata.name === name);
    expect(found).toHaveLength(1);
    return found[0];
  };
  const set = only('StatefulSet', 'weft');
  const [container] = set.spec.template.spec.containers;
  const labels = set.spec.template.metadata.labels;
  let server: TestServer;
  beforeAll(async () => {
    server = await openTestServer();
  });
  afterAll(() => server.close());

  test('every document -> has a version, a kind and a name; all select the same pods', () => {
    expect(documents.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`)).toEqual([
      'v1 Service',
      'v1 Service',
      'policy/v1 PodDisruptionBudget',
      'apps/v1 StatefulSet',
    ]);
    for (const { kind, spec } of documents) {
      expect(kind === 'Service' ? spec.selector : spec.selector.matchLabels).toEqual(labels);
    }
  });

  test('environment -> the settings of a server that finds its peers by the headless service', () => {
    const pod: Record<string, string> = { 'metadata.name': 'weft-1', 'metadata.namespace': 'prod' };
    const environment: Record<string, string> = {};
    for (const { name, value, valueFrom } of container.env) {
      const given = valueFrom?.fieldRef ? pod[valueFrom.fieldRef.fieldPath] : (value ?? 'secret');
      environment[name] = String(given).replace(/\$\((\w+)\)/g, (_: string, other: string) => {
        expect(Object.keys(environment), `$(${other}) must be set before ${name}`).toContain(other);
        return environment[other] as string;
      });
    }
    const { process, cluster } = configured(environment);
    const headless = only('Service', set.spec.serviceName);
    expect(headless.spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true });
    const domain = `${headless.metadata.name}.prod.svc.cluster.local`;
    const [{ name: portName, port }] = headless.spec.ports;
    expect(cluster.dnsPeers).toEqual({ name: `_${portName}._tcp.${domain}`, servers: set.spec.replicas });
    expect(cluster.advertise).toBe(`http://weft-1.${domain}:${port}`);
    expect(process).toMatchObject({ name: 'weft-1', host: '0.0.0.0', port });
    expect(container.ports).toMatchObject([{ containerPort: process.port }]);
    const mounts = container.volumeMounts.map(({ mountPath }: Tree) => mountPath);
    expect(mounts.some((path: string) => process.data.startsWith(path))).toBe(true);
    expect(set.spec.volumeClaimTemplates.map(({ metadata }: Tree) => metadata.name)).toEqual(
      container.volumeMounts.map(({ name }: Tree) => name),
    );
  });

  test('probes -> paths that a server answers 200 without a token, on the port that it has', async () => {
    for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
      expect(probe.httpGet.port).toBe(container.ports[0].name);
      expect((await server.call('GET', probe.httpGet.path)).status).toBe(200);
    }
  });

  test('stopping -> longer than draining takes; the budget leaves a majority', () => {
    expect(set.spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(30);
    const { maxUnavailable } = only('PodDisruptionBudget', 'weft').spec;
    expect(set.spec.replicas - maxUnavailable).toBeGreaterThan(set.spec.replicas / 2);
  });

  test('image -> the version of this program', () => {
    expect(container.image).toBe(`weft:${JSON.parse(file('package.json')).version}`);
  });
});

test('deploy/compose.yaml -> each server has the settings of a member, with all others as peers', () => {
  const { services } = parse(file('deploy/compose.yaml'), { merge: true }) as Tree;
  const names = Object.keys(services);
  expect(names).toHaveLength(3);
  for (const name of names) {
    const environment = {
      ...services[name].environment,
      WEFT_HOST: '0.0.0.0',
      WEFT_TOKEN: 't',
      WEFT_CLUSTER_SECRET: 's',
    };
    const { process, cluster } = configured(environment);
    expect(process.name).toBe(name);
    const others = names.filter((other) => other !== name);
    expect([...cluster.peers].sort()).toEqual(others.map((other) => `http://${other}:7400`).sort());
    expect(services[name].ports[0]).toMatch(/:7400$/);
    expect(services[name].volumes).toEqual([`${name}:/data`]);
  }
});
