/** The console as a user sees it: its pages in headless Chromium, over a real server. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { edgeId, nodeId, replicaId } from '../../base/ids.ts';
import { clockOfWallMs } from '../../crdt/stamp.ts';
import { commitOf } from '../../src/engine-on-disk.model.ts';
import { FaultyTransport } from '../../src/replication/faulty-transport.ts';
import { memoryNetwork } from '../../src/replication/memory-network.model.ts';
import { startReplication } from '../../src/replication/replicator.ts';
import { MemoryDisk } from '../../storage/memory-disk.ts';
import { CHROMIUM } from './chromium.ts';
import {
  accessibilityFaults,
  buildConsole,
  type ConsoleServer,
  exampleGraph,
  isTooWide,
  NARROW,
  openConsole,
  serveConsole,
  startBrowser,
} from './console-browser.ts';

// A bound for a machine that is busy: alone, each takes a few seconds.
vi.setConfig({ testTimeout: 240_000 });

let folder = '';
let browser: Browser;
let open: ConsoleServer;

beforeAll(async () => {
  if (!existsSync(CHROMIUM)) return;
  folder = await mkdtemp(join(tmpdir(), 'weft-console-'));
  buildConsole(folder);
  open = await serveConsole(folder);
  const ndjson = { 'content-type': 'application/x-ndjson' };
  await open.server.call('POST', '/v1/graphs/default/import', exampleGraph(), ndjson);
  browser = await startBrowser();
}, 180_000);

afterAll(async () => {
  if (folder === '') return;
  await browser.close();
  await open.server.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

beforeEach(({ skip }) => {
  if (!existsSync(CHROMIUM)) skip(`${CHROMIUM} is absent: the console was not opened in a browser`);
});

test('query page: a statement is run -> picture, table, JSON; nothing external, nothing inaccessible', async () => {
  const { page, complaints } = await openConsole(browser, open.url);
  await page.getByRole('button', { name: 'Run' }).click();
  await page.getByText('65 nodes, 182 edges').waitFor();
  expect(await accessibilityFaults(page)).toEqual([]);
  await page.getByRole('tab', { name: 'Table' }).click();
  await page.getByRole('columnheader', { name: 'r', exact: true }).waitFor();
  await page.getByRole('tab', { name: 'JSON' }).press('ArrowLeft');
  expect(await accessibilityFaults(page)).toEqual([]);
  expect(complaints).toEqual([]);
  await page.close();
});

test('query page: a statement is wrong -> error with its place, marked in the editor', async () => {
  const { page, complaints } = await openConsole(browser, open.url, { expected: /status of 400/ });
  const editor = page.getByRole('textbox', { name: 'Statement' });
  await editor.press('Control+a');
  await page.keyboard.type('MATCH (n)\nRETURN missing');
  await editor.press('Control+Enter');
  const problem = page.getByRole('alert');
  await problem.waitFor();
  expect(await problem.textContent()).toMatch(/query-error.*missing.*\^/s);
  expect(await page.locator('.cm-wrong').textContent()).toBe('missing');
  expect(await accessibilityFaults(page)).toEqual([]);
  expect(complaints).toEqual([]);
  await page.close();
});

test('query page: 400 pixels, light -> fits, plan of PROFILE, picture of the rows', async () => {
  const { page, complaints } = await openConsole(browser, open.url, { size: NARROW, theme: 'light' });
  await page.getByRole('button', { name: 'Profile' }).click();
  await page.getByText('ProduceResults').waitFor();
  expect(await isTooWide(page)).toBe(false);
  expect(await accessibilityFaults(page)).toEqual([]);
  await page.getByRole('tab', { name: 'Graph' }).click();
  await page.getByText('65 nodes, 182 edges').waitFor();
  expect(await isTooWide(page)).toBe(false);
  expect(complaints).toEqual([]);
  await page.close();
});

test('query page: parameters, completion, history, a double click on a node -> used, offered, kept, expanded', async () => {
  const { page, complaints } = await openConsole(browser, open.url);
  const editor = page.getByRole('textbox', { name: 'Statement' });
  await editor.press('Control+a');
  await page.keyboard.type('MATCH (s:Stat');
  await page.getByRole('option', { name: 'Station' }).waitFor();
  await page.keyboard.press('Escape');
  await editor.press('Control+a');
  await page.keyboard.insertText('MATCH (s {name: $name}) RETURN s');
  await page.getByText('Parameters').click();
  await page.getByLabel('JSON object').fill('{ "name": "Skarvøy" }');
  await editor.press('Control+Enter');
  await page.getByText('1 node, 0 edges').waitFor();
  const box = await page.locator('.picture').boundingBox();
  if (box === null) throw new Error('the picture has no place');
  await page.mouse.dblclick(box.x + box.width / 2, box.y + box.height / 2);
  await page.getByText('5 nodes, 4 edges').waitFor();
  await page.getByText('History').click();
  await page.getByRole('button', { name: /RETURN s/ }).waitFor();
  expect(complaints).toEqual([]);
  await page.close();
});

test('query page: a relationship from a node to itself -> drawn beside the node, where a click selects it', async () => {
  const { page, complaints } = await openConsole(browser, open.url);
  const editor = page.getByRole('textbox', { name: 'Statement' });
  await editor.press('Control+a');
  await page.keyboard.insertText("CREATE (n:Buoy {name: 'round'})-[r:CIRCLES]->(n) RETURN n, r");
  await editor.press('Control+Enter');
  await page.getByText('1 node, 1 edge').waitFor();
  const box = await page.locator('.picture').boundingBox();
  if (box === null) throw new Error('the picture has no place');
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const inspector = page.getByRole('complementary', { name: 'Selected element' });
  // The picture comes with the first frames, which nothing tells of; and two clicks in a row would be a double click.
  const click = (dx: number, dy: number, selects: string | undefined) =>
    expect
      .poll(
        async () => {
          await page.mouse.click(x + dx, y + dy);
          return selects === undefined
            ? inspector.isHidden()
            : inspector.getByRole('heading', { name: selects }).isVisible();
        },
        { interval: 700, timeout: 30_000 },
      )
      .toBe(true);
  // Up and to the right of the node, where nothing else is.
  await click(11, -19, 'CIRCLES');
  await click(0, 0, 'round');
  await click(-60, 60, undefined);
  await open.server.call('POST', '/v1/graphs/default/query', { statement: 'MATCH (n:Buoy) DETACH DELETE n' });
  expect(complaints).toEqual([]);
  await page.close();
});

test('element page: changed here and there -> saved with its version, a stale one refused', async () => {
  const { page, complaints } = await openConsole(browser, `${open.url}#/element/node/tyrsund`, {
    expected: /status of 412/,
  });
  const platforms = page.getByLabel('Value of platforms, as JSON');
  await platforms.fill('4');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved node tyrsund.').waitFor();
  await open.server.call('PATCH', '/v1/graphs/default/nodes/tyrsund', { properties: { platforms: 9 } });
  await platforms.fill('5');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('precondition-failed').waitFor();
  expect((await open.server.call('GET', '/v1/graphs/default/nodes/tyrsund')).json.properties.platforms).toBe(9);
  expect(await accessibilityFaults(page)).toEqual([]);
  await page.getByRole('button', { name: 'Read it again' }).click();
  await page.locator('input[value="9"]').waitFor();
  await page.setViewportSize(NARROW);
  expect(await isTooWide(page)).toBe(false);
  expect(complaints).toEqual([]);
  await page.close();
});

test('graphs and import pages: a graph is made, a file put into it, an index declared, all deleted -> as the server has it', async () => {
  const { page, complaints } = await openConsole(browser, `${open.url}#/graphs`, { size: NARROW, theme: 'light' });
  await page.getByLabel('New graph').fill('copy');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByText('Schema of copy').waitFor();
  await page.getByRole('link', { name: 'Import' }).click();
  const bad = '{"type":"node","id":"x"\n';
  await page.getByLabel('Leave out lines').check();
  const buffer = Buffer.from(bad + exampleGraph());
  await page.locator('#file').setInputFiles({ name: 'trains.ndjson', mimeType: 'application/x-ndjson', buffer });
  await page.getByRole('cell', { name: '1', exact: true }).waitFor();
  expect(await accessibilityFaults(page)).toEqual([]);
  expect(await isTooWide(page)).toBe(false);
  const exported = await open.server.call('GET', '/v1/graphs/copy/export');
  expect(exported.text.trim().split('\n').length).toBe(exampleGraph().trim().split('\n').length);
  await page.getByRole('link', { name: 'Graphs' }).click();
  await page.getByText('WORKS_ON').waitFor();
  await page.getByLabel('Declare an index').fill('CREATE INDEX by_name FOR (s:Station) ON (s.name)');
  await page.getByRole('button', { name: 'Declare' }).click();
  await page.getByRole('button', { name: 'Drop by_name' }).waitFor();
  expect(await accessibilityFaults(page)).toEqual([]);
  expect(await isTooWide(page)).toBe(false);
  await page.getByRole('button', { name: 'Delete copy' }).click();
  await page.getByLabel('Type copy').fill('copy');
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('The graph copy is gone.').waitFor();
  expect((await open.server.call('GET', '/v1/graphs/copy')).status).toBe(404);
  expect(complaints).toEqual([]);
  await page.close();
});

test('graphs page: an ephemeral graph is made -> the server and the page say so', async () => {
  const { server, url } = await serveConsole(folder, { hasEphemeral: true });
  const { page, complaints } = await openConsole(browser, `${url}#/graphs`);
  await page.getByLabel('New graph').fill('scratch');
  await page.getByLabel('Lifecycle').selectOption('ephemeral');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByText('Settings of scratch').waitFor();
  await page.locator('.chip', { hasText: 'ephemeral' }).waitFor();
  expect((await server.call('GET', '/v1/graphs/scratch')).json).toMatchObject({ lifecycle: 'ephemeral' });
  expect(complaints).toEqual([]);
  await page.close();
  await server.close();
});

test('import page: a file is dropped on it -> imported, with its progress', async () => {
  const { server, url } = await serveConsole(folder);
  const { page, complaints } = await openConsole(browser, `${url}#/import`);
  const dropped = `new File([${JSON.stringify(exampleGraph())}], 'trains.ndjson')`;
  const dataTransfer = await page.evaluateHandle(
    `(() => { const data = new DataTransfer(); data.items.add(${dropped}); return data; })()`,
  );
  await page.dispatchEvent('.drop-zone', 'drop', { dataTransfer });
  const progress = page.getByRole('progressbar', { name: 'Import of trains.ndjson' });
  await page.getByText('65 nodes and 182 edges', { exact: true }).waitFor();
  expect(await progress.getAttribute('value')).toBe(await progress.getAttribute('max'));
  expect((await server.call('GET', '/v1/graphs/default/export')).text.trim().split('\n').length).toBe(247);
  expect(complaints).toEqual([]);
  await page.close();
  await server.close();
});

test('query page: colour, size and name of a label are changed -> in the legend and the picture, after a reload too', async () => {
  const { page, complaints } = await openConsole(browser, open.url);
  const show = async () => {
    const editor = page.getByRole('textbox', { name: 'Statement' });
    await editor.press('Control+a');
    await page.keyboard.insertText("MATCH (s {name: 'Skarvøy'}) RETURN s");
    await editor.press('Control+Enter');
    await page.getByText('1 node, 0 edges').waitFor();
  };
  await show();
  const label = page.locator('.legend-entry summary');
  const picture = () => page.locator('.picture').screenshot();
  await label.click();
  await page.waitForTimeout(1_000);
  const before = await picture();
  await page.getByLabel('Colour').fill('#ff0000');
  await page.getByLabel('Size').fill('20');
  await page.getByLabel('Name').selectOption('platforms');
  await page.waitForTimeout(500);
  expect((await picture()).equals(before)).toBe(false);
  await page.reload();
  await show();
  expect(await page.locator('.legend-dot').getAttribute('style')).toContain('rgb(255, 0, 0)');
  await label.click();
  expect(await page.getByLabel('Size').inputValue()).toBe('20');
  expect(await page.getByLabel('Name').inputValue()).toBe('platforms');
  expect(complaints).toEqual([]);
  await page.close();
});

test('graphs page: quotas and times to live are set -> as the server has them, with what is used; a wrong one is told', async () => {
  const { page, complaints } = await openConsole(browser, `${open.url}#/graphs`, { expected: /status of 400/ });
  await page.getByLabel('New graph').fill('carts');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByText('Settings of carts').waitFor();
  await page.getByText('Kept on disk, on all servers.').waitFor();
  await page.getByLabel('Elements of the graph').fill('4');
  await page.getByLabel('Any element').fill('30');
  await page.getByRole('button', { name: 'Add a label or type' }).click();
  await page.getByPlaceholder('label or type').fill('Cart');
  await page.getByLabel('time to live of the label', { exact: true }).fill('1.5');
  await page.getByLabel('Unit of time to live of the label').selectOption('hours');
  await page.getByRole('button', { name: 'Save settings' }).click();
  await page.getByText('0 of 4').waitFor();
  const settings = async () => (await open.server.call('GET', '/v1/graphs/carts')).json;
  expect(await settings()).toMatchObject({
    quota: { elements: 4 },
    expiresAfterMs: 1_800_000,
    expiresAfterMsByLabel: { Cart: 5_400_000 },
  });
  const operations = [1, 2, 3, 4].map((id) => ({ op: 'createNode', id: `n${id}` }));
  await open.server.call('POST', '/v1/graphs/carts/batch', { operations });
  await page.reload();
  await page.getByText('4 of 4').waitFor();
  await page.getByText('what would add to it is refused').waitFor();
  expect(await accessibilityFaults(page)).toEqual([]);
  await page.setViewportSize(NARROW);
  expect(await isTooWide(page)).toBe(false);
  await page.getByLabel('Any element').fill('99999999999');
  await page.getByRole('button', { name: 'Save settings' }).click();
  await page.getByText('expiresAfterMs must be a whole number').waitFor();
  await page.getByLabel('Any element').fill('');
  await page.getByLabel('Elements of the graph').fill('');
  await page.getByRole('button', { name: 'Remove the time to live of Cart' }).click();
  await page.getByRole('button', { name: 'Save settings' }).click();
  await page.getByText('The settings of carts are saved.').waitFor();
  expect(await settings()).not.toHaveProperty('expiresAfterMs');
  expect(await settings()).not.toHaveProperty('expiresAfterMsByLabel');
  expect((await settings()).quota ?? {}).toEqual({});
  expect(complaints).toEqual([]);
  await page.close();
});

test('graphs page: an answer comes late, while settings are typed -> what was typed stays', async () => {
  const { page, complaints } = await openConsole(browser, `${open.url}#/graphs`);
  let answers = 0;
  let letGo = (): void => undefined;
  const isTyped = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await page.route('**/v1/graphs/late', async (route) => {
    if (route.request().method() === 'GET' && ++answers > 1) await isTyped;
    await route.continue();
  });
  await page.getByLabel('New graph').fill('late');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByText('Kept on disk, on all servers.').waitFor();
  await page.getByText('Settings of late').waitFor();
  await page.getByLabel('Elements of the graph').fill('4');
  letGo();
  await page.getByText('The graph late is there.').waitFor();
  await page.waitForTimeout(500);
  expect(answers).toBeGreaterThan(0);
  expect(await page.getByLabel('Elements of the graph').inputValue()).toBe('4');
  await page.getByRole('button', { name: 'Save settings' }).click();
  await page.getByText('0 of 4').waitFor();
  expect(complaints).toEqual([]);
  await page.close();
});

test('graphs page: an edge that no reader sees -> found by a check, gone after a repair that was confirmed', async () => {
  const disk = await diskWithHiddenEdge();
  const { server, url } = await serveConsole(folder, { disk });
  const { page, complaints } = await openConsole(browser, `${url}#/graphs`, { theme: 'light' });
  const integrity = page.getByRole('region', { name: 'Integrity' });
  await integrity.getByRole('button', { name: 'Check' }).click();
  await integrity.getByText('Hidden edges: 1').waitFor();
  await integrity.getByRole('link', { name: 'hidden' }).waitFor();
  expect(await accessibilityFaults(page)).toEqual([]);
  await integrity.getByRole('button', { name: 'Repair' }).click();
  await page.getByRole('button', { name: 'Leave it' }).click();
  expect((await server.call('GET', '/v1/graphs/default/integrity')).json.hiddenEdges).toEqual(['hidden']);
  await integrity.getByRole('button', { name: 'Repair' }).click();
  expect(await accessibilityFaults(page)).toEqual([]);
  await page.getByRole('dialog').getByRole('button', { name: 'Repair' }).click();
  await integrity.getByText('1 found, 1 put right.').waitFor();
  await integrity.getByRole('button', { name: 'Check' }).click();
  await integrity.getByText('Nothing is wrong.').waitFor();
  expect((await server.call('GET', '/v1/graphs/default/integrity')).json.hiddenEdges).toEqual([]);
  expect(complaints).toEqual([]);
  await page.close();
  await server.close();
});

test('changes page: written while it is open and while it pauses -> each change once, filtered, the list bounded', async () => {
  const { page, complaints } = await openConsole(browser, `${open.url}#/changes`);
  const create = (id: string, label: string) =>
    open.server.call('POST', '/v1/graphs/default/nodes', { id, labels: [label], properties: { weight: 2 } });
  const rows = page.getByRole('listitem');
  await page.getByText('Live').waitFor();
  await create('ferry-1', 'Ferry');
  await page.getByText('created node ferry-1').waitFor();
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByText('Paused').waitFor();
  await create('ferry-2', 'Ferry');
  await open.server.call('DELETE', '/v1/graphs/default/nodes/ferry-1');
  expect(await rows.count()).toBe(1);
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByText('deleted node ferry-1').waitFor();
  expect(await rows.count()).toBe(3);
  await page.getByLabel('Label').fill('Barge');
  await page.getByLabel('Label').press('Enter');
  await page.getByText('Live').waitFor();
  await create('ferry-3', 'Ferry');
  const barges = [...Array(300).keys()].map((i) => ({ op: 'createNode', id: `barge-${i}`, labels: ['Barge'] }));
  await open.server.call('POST', '/v1/graphs/default/batch', { operations: barges });
  await page.getByText('Live, 300 changes so far').waitFor();
  await page.getByText('created node barge-299').waitFor();
  expect(await rows.count()).toBe(200);
  expect(await accessibilityFaults(page)).toEqual([]);
  await page.setViewportSize(NARROW);
  expect(await isTooWide(page)).toBe(false);
  await open.server.call('POST', '/v1/graphs/default/query', { statement: 'MATCH (n:Ferry|Barge) DELETE n' });
  expect(complaints).toEqual([]);
  await page.close();
});

test('changes page: the graph does not exist any more -> told, and watching ends', async () => {
  await open.server.call('PUT', '/v1/graphs/brief', {});
  const { page } = await openConsole(browser, `${open.url}#/changes`, { expected: /status of 404/ });
  await page.getByRole('combobox', { name: 'Graph' }).selectOption('brief');
  await page.getByText('Live').waitFor();
  await open.server.call('DELETE', '/v1/graphs/brief');
  await page.getByRole('button', { name: 'Watch' }).click();
  await page.getByText('graph-not-found').waitFor();
  await page.getByText('Stopped').waitFor();
  await page.close();
});

test('activity page: a statement that would take for ever -> listed and cancelled by its button; metrics move', async () => {
  const { server, url } = await serveConsole(folder);
  // Time passes while it computes, so that it gives way to what else there is.
  Object.assign(server.env.clock, { monotonicMs: () => performance.now() });
  const { page, complaints } = await openConsole(browser, `${url}#/activity`, { theme: 'light' });
  await page.getByText('Nothing runs.').waitFor();
  const statement = 'UNWIND range(1, 100000) AS i UNWIND range(1, 100000) AS j RETURN count(*)';
  const running = server.call('POST', '/v1/graphs/default/query', { statement, timeoutMs: 600_000 });
  await page.getByText('UNWIND range').waitFor();
  await page.getByText('Half of them within').waitFor();
  expect(await accessibilityFaults(page)).toEqual([]);
  await page.setViewportSize(NARROW);
  expect(await isTooWide(page)).toBe(false);
  await page.getByRole('button', { name: /^Cancel q/ }).press('Enter');
  expect((await running).json.code).toBe('query-cancelled');
  await page.getByText('Nothing runs.').waitFor();
  expect(complaints).toEqual([]);
  await page.close();
  await server.close();
});

test('cluster page: a member that takes faults -> links are cut and healed by buttons, digests are shown', async () => {
  const { env, transport } = memoryNetwork();
  const peers = ['http://127.0.0.1:7402', 'http://127.0.0.1:7403'];
  const linkFaults = new FaultyTransport(transport('http://127.0.0.1:7401'), { env, peers });
  const cluster = { peers, advertise: 'http://127.0.0.1:7401', secret: 'of the cluster', transport: linkFaults };
  const served = await serveConsole(folder, { cluster, linkFaults });
  const { engine } = served.server;
  const onBug = (error: Error): never => {
    throw error;
  };
  const replication = await startReplication({ env, engine, options: cluster, name: 'one', onBug });
  const { page, complaints } = await openConsole(browser, `${served.url}#/cluster`);
  const second = page.getByRole('article', { name: 'http://127.0.0.1:7402' });
  await second.getByRole('button', { name: 'Cut out' }).click();
  await second.getByText('cut, out').waitFor();
  expect(linkFaults.list()).toMatchObject([{ peer: peers[0], fault: { cut: true, direction: 'out' } }]);
  expect(await accessibilityFaults(page)).toEqual([]);
  await second.getByRole('button', { name: 'Heal' }).click();
  await second.getByText('cut, out').waitFor({ state: 'detached' });
  expect(linkFaults.list()).toEqual([]);
  await page.getByRole('button', { name: 'Compute digests' }).click();
  await page.getByText('Graph default').waitFor();
  await page.setViewportSize(NARROW);
  expect(await isTooWide(page)).toBe(false);
  expect(complaints).toEqual([]);
  await page.close();
  await replication.close();
  await served.server.close();
});

test('token: the server wants one -> asked for, a wrong one refused, the right one used and kept in the tab alone', async () => {
  const served = await serveConsole(folder, { token: 'of-the-night' });
  const { page, complaints } = await openConsole(browser, `${served.url}#/graphs`, { expected: /status of 401/ });
  const field = page.getByLabel('Bearer token');
  await field.fill('of-the-day');
  await page.getByRole('button', { name: 'Use it' }).click();
  await page.getByText('The server refuses this token.').waitFor();
  expect(await accessibilityFaults(page)).toEqual([]);
  await field.fill('of-the-night');
  await field.press('Enter');
  await page.getByText('Schema of default').waitFor();
  await page.getByRole('cell', { name: 'default chosen' }).waitFor();
  expect(await page.evaluate('JSON.stringify({ ...localStorage })')).not.toContain('night');
  expect(complaints).toEqual([]);
  await page.close();
  await served.server.close();
});

/** What merged servers may come to: an edge whose target was deleted elsewhere while it was made here. */
async function diskWithHiddenEdge(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const stamp = { clock: clockOfWallMs(1_749_000_000_000), replica: replicaId(77) };
  const ends = { id: edgeId('hidden'), type: 'T', from: nodeId('there'), to: nodeId('gone') };
  await commitOf(disk, stamp.replica, [
    { at: ends.from, patch: { kind: 'node-create', ...stamp, id: ends.from, labels: [], properties: {} } },
    { at: ends.from, patch: { kind: 'edge-create', ...stamp, ...ends, properties: {} } },
    { at: ends.to, patch: { kind: 'stub-create', ...stamp, ...ends } },
  ]);
  return disk;
}
