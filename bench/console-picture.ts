/**
 * How fluid the console's picture of thousands of elements is, in headless Chromium, while the layout runs, while one pans, zooms
 * and drags a node: what a frame costs the thread of the page. A picture that follows the hand with fewer than twenty frames a
 * second is seen to jump, so 50 ms is the limit there; the layout follows no hand, and may take twice as long. What the graphics
 * card does comes after that; here there is none, it is done in software on the same cores, and the gaps between frames are told
 * as a remark only.
 */
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { Benchmark, Run } from './report.ts';
import { againstLimit } from './report.ts';
import { ServerProcess } from './server-process.ts';
import { temporaryDirectory } from './settings.ts';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS = ['--no-sandbox', '--disable-dev-shm-usage', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'];
const NODES = 5_000;
const EDGES = 10_000;
const HAND_MS_MAX = 50;
const LAYOUT_MS_MAX = 100;
const STATEMENT = 'MATCH (a)-[r]->(b) RETURN a, r, b';
/** How long a layout may take to come to rest, in milliseconds: a bound for a machine that is busy. */
const REST_MS_MAX = 300_000;

export const consolePicture: Benchmark = {
  name: 'console-picture',
  title: `the console draws ${NODES} nodes and ${EDGES} relationships`,
  peers: 'none: what a frame costs the thread of the page, against what the eye takes for a movement',
  async run(run) {
    if (!existsSync(CHROMIUM)) {
      run.remark(`skipped: ${CHROMIUM} is absent`);
      return;
    }
    const server = await ServerProcess.weft(temporaryDirectory('data'));
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
    try {
      await fill(server);
      await measure(run, browser, `http://127.0.0.1:${server.port}/console/`);
    } finally {
      await browser.close();
      await server.stop();
    }
  },
};

async function measure(run: Run, browser: Browser, url: string): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(REST_MS_MAX);
  await page.goto(url);
  const report = (what: string, { costs, gaps }: Frames, limitMs: number): void => {
    if (costs.length === 0) throw new Error(`${what}: nothing was drawn`);
    run.figure(
      againstLimit(`${what}: a frame for the page, 95th percentile`, quantile(costs, 0.95), 'ms', { atMost: limitMs }),
    );
    run.remark(
      `  of ${costs.length} frames: median ${quantile(costs, 0.5).toFixed(1)} ms; drawn in software, between two of them ` +
        `${quantile(gaps, 0.5).toFixed(0)} ms, 95th percentile ${quantile(gaps, 0.95).toFixed(0)} ms`,
    );
  };
  const editor = page.getByRole('textbox', { name: 'Statement' });
  await editor.press('Control+a');
  await page.keyboard.insertText(STATEMENT);
  await editor.press('Control+Enter');
  await page.getByText(`${NODES} nodes, ${EDGES} edges`).waitFor();
  const box = await page.locator('.picture').boundingBox();
  if (box === null) throw new Error('the picture has no place');
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const steps = run.quick ? 30 : 120;

  report(
    'the layout runs',
    await framesWhile(browser, page, () => page.waitForTimeout(run.quick ? 3_000 : 8_000)),
    LAYOUT_MS_MAX,
  );
  await page.locator('.picture[data-resting="true"]').waitFor();

  const panning = await framesWhile(browser, page, async () => {
    // Beside of everything, so that it is the picture that is taken hold of.
    await page.mouse.move(box.x + 5, box.y + box.height - 60);
    await page.mouse.down();
    for (let i = 0; i < steps; i++) {
      await page.mouse.move(
        box.x + 5 + 200 * Math.abs(Math.sin(i / 9)),
        box.y + box.height - 60 - 100 * Math.abs(Math.sin(i / 7)),
      );
    }
    await page.mouse.up();
  });
  report('panning', panning, HAND_MS_MAX);

  const zooming = await framesWhile(browser, page, async () => {
    await page.mouse.move(x, y);
    for (let i = 0; i < steps / 3; i++) await page.mouse.wheel(0, i % 20 < 10 ? -120 : 120);
  });
  report('zooming', zooming, HAND_MS_MAX);

  await page.getByRole('button', { name: 'Fit' }).click();
  const find = page.getByLabel('Find a node in the picture');
  await find.fill('node-1');
  await find.press('Enter');
  await page.getByRole('complementary', { name: 'Selected element' }).waitFor();
  await page.waitForTimeout(1_000);
  const place = await page.locator('.picture').boundingBox();
  if (place === null) throw new Error('the picture has no place');
  const dragging = await framesWhile(browser, page, async () => {
    await page.mouse.move(place.x + place.width / 2, place.y + place.height / 2);
    await page.mouse.down();
    for (let i = 0; i < steps; i++) {
      const [dx, dy] = [80 * Math.sin(i / 9), 80 * Math.sin(i / 7)];
      await page.mouse.move(place.x + place.width / 2 + dx, place.y + place.height / 2 + dy);
    }
    await page.mouse.up();
  });
  report('dragging a node', dragging, HAND_MS_MAX);
}

interface Frames {
  /** Milliseconds of processor time of the page's thread, for each frame. */
  readonly costs: readonly number[];
  /** Milliseconds between the beginnings of two frames. */
  readonly gaps: readonly number[];
}

/** What the browser traced. */
interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds: when, and how long the thread ran for it. */
  readonly ts: number;
  readonly tdur?: number;
}

/** The frames that the page drew while `work` ran. */
async function framesWhile(browser: Browser, page: Page, work: () => Promise<unknown>): Promise<Frames> {
  await browser.startTracing(page, { categories: ['cc', 'toplevel', 'benchmark'] });
  await work();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const frames = traceEvents.filter(({ name, ph }) => name === 'ProxyMain::BeginMainFrame' && ph === 'X');
  const begun = frames.map(({ ts }) => ts / 1000).sort((a, b) => a - b);
  return {
    costs: frames.map(({ tdur }) => (tdur ?? Number.NaN) / 1000),
    gaps: begun.slice(1).map((at, i) => at - (begun[i] ?? Number.NaN)),
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** A graph with groups that hang together, as real ones have. */
async function fill(server: ServerProcess): Promise<void> {
  const lines: string[] = [];
  for (let i = 0; i < NODES; i++) {
    const labels = [['Station', 'Train', 'Person', 'Dish'][i % 4]];
    lines.push(JSON.stringify({ type: 'node', id: `node-${i}`, labels, properties: { weight: i } }));
  }
  for (let i = 0; i < EDGES; i++) {
    const from = i % NODES;
    const group = Math.floor(from / 50) * 50;
    // Every node has an edge within its group; a few of the others lead out of it.
    const to = i < NODES || i % 9 !== 0 ? group + ((from * 7 + i * 3 + 1) % 50) : (from * 7919) % NODES;
    const [start, end] = [{ id: `node-${from}` }, { id: `node-${to}` }];
    lines.push(JSON.stringify({ type: 'relationship', id: `edge-${i}`, label: 'KNOWS', start, end, properties: {} }));
  }
  const answer = await fetch(`http://127.0.0.1:${server.port}/v1/graphs/default/import`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines.join('\n'),
  });
  if (!answer.ok) throw new Error(`the import failed: ${await answer.text()}`);
}
