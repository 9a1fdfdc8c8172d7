/**
 * The change feed of the chosen graph as it happens. Pausing ends the stream and keeps the position, so that nothing piles up
 * meanwhile and nothing is missed when it goes on. The list keeps the last changes only; a burst is drawn once per frame.
 */
import { parseExactJson } from '../graph/exact-json.ts';
import { decodeValue } from '../graph/json-values.ts';
import { button, element, replace } from './element.ts';
import { readEvents } from './event-stream.ts';
import type { App, Page } from './page.ts';
import { problemView } from './problem-view.ts';
import { elementLink } from './result-table.ts';
import { shortText } from './value-text.ts';

/** Changes that stay in the list. */
const SHOWN_MAX = 200;
const AGAIN_MS = 2_000;
const WORDS = { create: 'created', update: 'changed', delete: 'deleted' } as const;

interface ChangeEvent {
  readonly kind: 'node' | 'edge';
  readonly change: keyof typeof WORDS;
  readonly id: string;
  readonly timeMs: number;
  readonly replica: number;
  readonly labels?: readonly string[];
  readonly labelsAdded?: readonly string[];
  readonly labelsRemoved?: readonly string[];
  readonly type?: string;
  readonly from?: string;
  readonly to?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly propertiesRemoved?: readonly string[];
  readonly merged?: readonly string[];
}

export function changesPage(app: App): Page {
  const list = element('ol', { class: 'changes' });
  const state = element('span', { class: 'row tight', role: 'status' });
  const failure = element('div');
  const filters = {
    label: element('input', { id: 'only-label', autocomplete: 'off' }),
    type: element('input', { id: 'only-type', autocomplete: 'off' }),
    scope: element('input', { id: 'only-scope', autocomplete: 'off' }),
  };
  const from = element(
    'select',
    { id: 'from' },
    element('option', { value: 'now' }, 'now'),
    element('option', { value: '' }, 'the beginning'),
  );
  const watch = button('Pause', () => (stream === undefined ? void follow() : pause()));

  /** Where to go on; undefined for what `from` says. */
  let position: string | undefined;
  let stream: AbortController | undefined;
  let seen = 0;
  let waiting: ChangeEvent[] = [];
  let frame = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const say = (kind: 'up' | 'connecting' | 'down', text: string): void => {
    replace(state, element('span', { class: `dot ${kind}` }), text);
    replace(watch, stream === undefined ? 'Go on' : 'Pause');
  };
  const counted = (): string => (seen === 0 ? '' : `, ${seen} ${seen === 1 ? 'change' : 'changes'} so far`);

  const pause = (): void => {
    clearTimeout(timer);
    stream?.abort();
    stream = undefined;
    say('down', `Paused${counted()}`);
  };

  const begin = (): void => {
    pause();
    position = undefined;
    seen = 0;
    waiting = [];
    replace(list);
    void follow();
  };

  const follow = async (): Promise<void> => {
    clearTimeout(timer);
    const mine = new AbortController();
    stream = mine;
    say('connecting', 'Connecting…');
    const since = position ?? from.value;
    const query = new URLSearchParams({ feed: 'sse', ...(since !== '' && { since }) });
    for (const [name, input] of Object.entries(filters)) if (input.value !== '') query.set(name, input.value);
    try {
      const path = `/v1/graphs/${encodeURIComponent(app.graphName)}/changes?${query}`;
      const answer = await app.connection.open(path, { signal: mine.signal });
      if (stream !== mine) return;
      replace(failure);
      say('up', `Live${counted()}`);
      for await (const event of readEvents(answer)) {
        if (stream !== mine) return;
        if (event.kind === 'problem') {
          fail(JSON.parse(event.data).detail ?? 'the stream has ended');
          return;
        }
        if (event.kind === 'change') take(parseExactJson(event.data) as ChangeEvent);
        if (event.id !== undefined) position = event.id;
      }
      if (stream !== mine) return;
      say('connecting', 'The server ended the stream; asking again…');
      timer = setTimeout(() => void follow(), AGAIN_MS);
    } catch (error) {
      if (stream !== mine) return;
      fail(error);
    }
  };

  const fail = (error: unknown): void => {
    stream = undefined;
    replace(failure, problemView(error));
    say('down', `Stopped${counted()}`);
  };

  const take = (change: ChangeEvent): void => {
    seen++;
    waiting.push(change);
    if (waiting.length > SHOWN_MAX) waiting.shift();
    if (frame === 0) frame = requestAnimationFrame(draw);
  };

  const draw = (): void => {
    frame = 0;
    list.prepend(...waiting.reverse().map(changeRow));
    waiting = [];
    while (list.children.length > SHOWN_MAX) list.lastElementChild?.remove();
    if (stream !== undefined) say('up', `Live${counted()}`);
  };

  const page = element(
    'div',
    { class: 'page' },
    element('h1', {}, 'Changes'),
    failure,
    element(
      'section',
      { class: 'panel block', 'aria-label': 'Change feed' },
      element(
        'form',
        {
          class: 'row',
          on: {
            submit: (event) => {
              event.preventDefault();
              begin();
            },
          },
        },
        element('div', { class: 'field' }, element('label', { for: 'from' }, 'From'), from),
        element('div', { class: 'field' }, element('label', { for: 'only-label' }, 'Label'), filters.label),
        element('div', { class: 'field' }, element('label', { for: 'only-type' }, 'Relationship type'), filters.type),
        element('div', { class: 'field' }, element('label', { for: 'only-scope' }, 'Scope'), filters.scope),
        element('button', { type: 'submit', class: 'primary' }, 'Watch'),
      ),
      element(
        'div',
        { class: 'row' },
        watch,
        button('Clear', () => replace(list), { class: 'quiet' }),
        state,
      ),
      element('p', { class: 'muted' }, `The last ${SHOWN_MAX} changes, the newest first.`),
      element('div', { class: 'scroll-y', tabindex: 0, role: 'region', 'aria-label': 'List of changes' }, list),
    ),
  );
  void follow();
  return {
    element: page,
    reload: begin,
    close: () => {
      pause();
      cancelAnimationFrame(frame);
    },
  };
}

function changeRow(event: ChangeEvent): HTMLElement {
  const { kind, change, id, timeMs, replica, type, from, to } = event;
  const labels = event.labels ?? [];
  return element(
    'li',
    { class: `change ${change}` },
    element('span', { class: 'muted' }, new Date(timeMs).toISOString().slice(11, 23)),
    ' ',
    element('strong', {}, WORDS[change]),
    ` ${kind} `,
    elementLink(kind, id, id),
    labels.length > 0 && ` ${labels.map((label) => `:${label}`).join('')}`,
    type !== undefined && ` :${type}`,
    from !== undefined && ` ${from} → ${to ?? ''}`,
    element('span', { class: 'muted' }, ' ', partsOf(event).join(' · '), ` by ${replica}`),
  );
}

function partsOf({ properties, propertiesRemoved, labelsAdded, labelsRemoved, merged }: ChangeEvent): string[] {
  return [
    ...Object.entries(properties ?? {}).map(([name, value]) => `${name}: ${shortText(decodeValue(value, name))}`),
    ...(propertiesRemoved ?? []).map((name) => `− ${name}`),
    ...(labelsAdded ?? []).map((label) => `+ :${label}`),
    ...(labelsRemoved ?? []).map((label) => `− :${label}`),
    ...(merged ?? []).map((name) => `${name} merged`),
  ];
}
