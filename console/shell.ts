/** The frame around the pages: where one is, which graph, which server, which theme; the dialog that asks for a token. */
import type { GraphClient } from '../client/graph-client.ts';
import type { Connection } from './connection.ts';
import { button, element, icon, replace } from './element.ts';
import type { App, OpenPage, Page } from './page.ts';
import { currentTheme, onThemeChange, switchTheme } from './theme.ts';
import { tokenDialog } from './token-dialog.ts';

const GRAPH_KEY = 'weft.graph';
const DEFAULT_GRAPH = 'default';
const SUN = 'M12 8a4 4 0 1 0 0 8a4 4 0 1 0 0-8M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2';
const MOON = 'M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z';
const KEY = 'M15 9m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0M11.5 12.5L4 20M7 17l2.5 2.5';

export interface PageEntry {
  readonly name: string;
  readonly title: string;
  readonly icon: string;
  readonly open: OpenPage;
}

export class Shell implements App {
  readonly connection: Connection;
  readonly #pages: readonly PageEntry[];
  readonly #main = element('main', { id: 'page', tabindex: -1 });
  readonly #graphs = element('select', {
    class: 'graph-choice',
    'aria-label': 'Graph',
    on: { change: () => this.chooseGraph(this.#graphs.value) },
  });
  readonly #server = element('span', { class: 'server' });
  readonly #notices = element('div', { class: 'notices', role: 'status', 'aria-live': 'polite' });
  readonly #links = new Map<string, HTMLAnchorElement>();
  readonly #token: ReturnType<typeof tokenDialog>;
  #open: { readonly entry: PageEntry; readonly page: Page } | undefined;

  constructor(root: HTMLElement, connection: Connection, pages: readonly PageEntry[]) {
    this.connection = connection;
    this.#pages = pages;
    this.#token = tokenDialog(connection.hasToken, (token) => {
      connection.useToken(token);
      this.#begin();
      this.#open?.page.reload?.();
    });
    connection.onUnauthorized = () => this.#token.ask(true);
    root.append(this.#frame(), this.#token.element);
    addEventListener('hashchange', () => this.#show());
    this.#show();
    this.#begin();
  }

  get graphName(): string {
    return sessionStorage.getItem(GRAPH_KEY) ?? DEFAULT_GRAPH;
  }

  get graph(): GraphClient {
    return this.connection.graph(this.graphName);
  }

  chooseGraph(name: string): void {
    sessionStorage.setItem(GRAPH_KEY, name);
    this.#graphs.value = name;
    this.#open?.page.reload?.();
  }

  async refreshGraphs(): Promise<void> {
    const graphs = await this.connection.client.graphs();
    const names = graphs.map(({ name }) => name);
    if (!names.includes(this.graphName)) sessionStorage.setItem(GRAPH_KEY, names[0] ?? DEFAULT_GRAPH);
    replace(
      this.#graphs,
      names.map((name) => element('option', { value: name }, name)),
    );
    this.#graphs.value = this.graphName;
  }

  announce(message: string, kind: 'done' | 'failed' = 'done'): void {
    const notice = element('div', { class: `notice ${kind}` }, message);
    this.#notices.append(notice);
    setTimeout(() => notice.remove(), 6_000);
  }

  #frame(): HTMLElement {
    const nav = element(
      'nav',
      { class: 'rail', 'aria-label': 'Pages' },
      this.#pages.map(({ name, title, icon: path }) => {
        const link = element('a', { href: `#/${name}` }, icon(path), element('span', {}, title));
        this.#links.set(name, link);
        return link;
      }),
    );
    const mark = element(
      'a',
      { class: 'mark', href: '#/query', 'aria-label': 'weft console' },
      element('span', { class: 'mark-sign' }),
      'weft',
    );
    const bar = element(
      'header',
      { class: 'bar' },
      mark,
      this.#graphs,
      this.#server,
      element('span', { class: 'spring' }),
      button(icon(KEY), () => this.#token.ask(false), {
        class: 'quiet icon-only',
        'aria-label': 'Token',
        title: 'Token',
      }),
      this.#themeButton(),
    );
    return element(
      'div',
      { class: 'shell' },
      element('a', { class: 'skip', href: '#page', on: { click: (event) => this.#skip(event) } }, 'Skip to the page'),
      bar,
      nav,
      this.#main,
      this.#notices,
    );
  }

  #skip(event: Event): void {
    event.preventDefault();
    this.#main.focus();
  }

  #themeButton(): HTMLElement {
    const themed = button('', switchTheme, { class: 'quiet icon-only' });
    const draw = () => {
      const isDark = currentTheme() === 'dark';
      const label = isDark ? 'Use the light theme' : 'Use the dark theme';
      themed.setAttribute('aria-label', label);
      themed.title = label;
      replace(themed, icon(isDark ? SUN : MOON));
    };
    draw();
    onThemeChange(draw);
    return themed;
  }

  #show(): void {
    const [name = '', ...path] = location.hash.replace(/^#\/?/, '').split('/').map(decodeURIComponent);
    const entry = this.#pages.find((page) => page.name === name) ?? this.#pages[0];
    if (entry === undefined) return;
    this.#open?.page.close?.();
    const page = entry.open(this, path);
    this.#open = { entry, page };
    document.title = `${entry.title} · weft console`;
    for (const [linked, link] of this.#links) {
      if (linked === entry.name) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    replace(this.#main, page.element);
  }

  /** Who serves this, and what graphs there are. A page tells its own errors; these would only be told twice. */
  #begin(): void {
    this.refreshGraphs().catch(() => undefined);
    this.connection.client.cluster().then(
      (cluster) => {
        const { name } = cluster.self as { readonly name: string };
        replace(this.#server, element('span', { class: 'dot alive' }), name);
      },
      () => replace(this.#server),
    );
  }
}
