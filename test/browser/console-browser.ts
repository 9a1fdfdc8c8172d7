/** The console in headless Chromium: built, served by a real server that holds the example graph, and watched. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type AxeCore from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { openTestServer, type TestServer, type TestServerOptions } from '../../api/server.model.ts';
import { ambientPlatform } from '../../client/ambient.ts';
import { CHROMIUM } from './chromium.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** WebGL without a graphics card. */
const FLAGS = ['--no-sandbox', '--disable-dev-shm-usage', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'];
export const WIDE = { width: 1280, height: 800 };
export const NARROW = { width: 400, height: 800 };
/** How long something may take to appear, in milliseconds: a bound for a machine that is busy, not an expectation. */
const APPEAR_MS_MAX = 60_000;

export interface ConsoleServer {
  readonly server: TestServer;
  readonly url: string;
}

export function buildConsole(folder: string): void {
  execFileSync(process.execPath, [join(ROOT, 'scripts/build-console.mjs'), folder]);
}

export async function serveConsole(folder: string, options: TestServerOptions = {}): Promise<ConsoleServer> {
  const server = await openTestServer({ consoleFolder: folder, env: ambientPlatform().env, ...options });
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.app.server.address() as AddressInfo;
  return { server, url: `http://127.0.0.1:${port}/console/` };
}

export function exampleGraph(): string {
  return readFileSync(join(ROOT, 'examples/night-trains.ndjson'), 'utf8');
}

export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

export interface Watched {
  readonly page: Page;
  /** Errors that the page logged or threw, and requests to other servers. */
  readonly complaints: string[];
}

/** @param expected texts of errors that the test causes on purpose */
export async function openConsole(
  browser: Browser,
  url: string,
  {
    size = WIDE,
    theme = 'dark',
    expected = /^$/,
  }: { size?: typeof WIDE; theme?: 'dark' | 'light'; expected?: RegExp } = {},
): Promise<Watched> {
  const context = await browser.newContext({ viewport: size, colorScheme: theme });
  const page = await context.newPage();
  page.setDefaultTimeout(APPEAR_MS_MAX);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' && !expected.test(message.text())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) complaints.push(`external: ${request.url()}`);
  });
  await page.goto(url);
  return { page, complaints };
}

/** What axe finds wrong, one line each. */
export async function accessibilityFaults(page: Page): Promise<readonly string[]> {
  await page.evaluate(AXE);
  const results = (await page.evaluate('axe.run()')) as AxeCore.AxeResults;
  return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
}

/** Whether the page is wider than its window, so that one would have to scroll sideways. */
export function isTooWide(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth');
}
