/** The console as a user sees it: its pages in headless Chromium, over a real server. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
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
