/** What a graph is allowed and how long its elements live: limits with what is used of them, lifecycle, times to live. */
import { type DurationField, durationField } from './duration-field.ts';
import { button, element, replace } from './element.ts';
import type { App } from './page.ts';
import { problemView } from './problem-view.ts';
import { sizeText } from './size-text.ts';

const LIMITS = [
  { limit: 'elements', title: 'Elements of the graph' },
  { limit: 'bytes', title: 'Bytes of the graph' },
  { limit: 'scopeElements', title: 'Elements of each scope' },
  { limit: 'scopeBytes', title: 'Bytes of each scope' },
] as const;

type Limit = (typeof LIMITS)[number]['limit'];
type Lives = Readonly<Record<string, number>>;

/** As `GET /v1/graphs/{g}` answers it. */
export interface GraphDocument {
  readonly name: string;
  readonly partitions: number;
  readonly lifecycle?: 'persistent' | 'ephemeral';
  readonly quota?: Readonly<Partial<Record<Limit, number>>>;
  readonly usage?: { readonly nodes: number; readonly edges: number; readonly bytes: number };
  readonly expiresAfterMs?: number;
  readonly expiresAfterMsByLabel?: Lives;
}

export interface GraphSettings {
  readonly element: HTMLElement;
  /** Shows nothing of another graph than the chosen one. */
  choose(): void;
  /** Reads the settings of the chosen graph. @throws WeftError as the server said */
  draw(): Promise<void>;
}

export function graphSettings(app: App): GraphSettings {
  const place = element('div', { class: 'stack wide' });
  const failure = element('div');

  const path = (): string => `/v1/graphs/${encodeURIComponent(app.graphName)}`;

  const form = element('div', { class: 'stack wide' });
  let drawnName = '';
  let drawnForm = '';

  const choose = (): void => {
    if (app.graphName === drawnName) return;
    drawnName = '';
    drawnForm = '';
    replace(place);
    replace(failure);
  };

  const draw = async (): Promise<void> => {
    const graph = await app.connection.call<GraphDocument>('GET', path());
    // Another one was chosen meanwhile.
    if (graph.name !== app.graphName) return;
    drawnName = graph.name;
    replace(failure);
    replace(place, aboutOf(graph), usageOf(graph), form);
    const { quota, expiresAfterMs, expiresAfterMsByLabel } = graph;
    const settings = JSON.stringify([quota, expiresAfterMs, expiresAfterMsByLabel]);
    // What is typed already stays as long as there is nothing new.
    if (settings === drawnForm) return;
    drawnForm = settings;
    replace(form, formOf(graph));
  };

  const save = async (change: object): Promise<void> => {
    if (Object.keys(change).length === 0) {
      app.announce('Nothing was changed.');
      return;
    }
    try {
      await app.connection.call('PATCH', path(), change);
      await draw();
      app.announce(`The settings of ${app.graphName} are saved.`);
    } catch (error) {
      replace(failure, problemView(error));
    }
  };

  const formOf = (graph: GraphDocument): HTMLElement => {
    const limits = LIMITS.map(({ limit, title }) => {
      const before = graph.quota?.[limit];
      const input = element('input', {
        id: `quota-${limit}`,
        type: 'number',
        min: 0,
        step: 1,
        placeholder: 'no limit',
        value: before ?? '',
      });
      const field = element('div', { class: 'field' }, element('label', { for: input.id }, title), input);
      const change = (): object => {
        const now = input.value === '' ? null : Number(input.value);
        return now === (before ?? null) ? {} : { [limit]: now };
      };
      return { field, change };
    });
    const life = durationField('time to live', graph.expiresAfterMs, 'life');
    const lives = livesField(graph.expiresAfterMsByLabel ?? {});
    const submit = (event: Event): void => {
      event.preventDefault();
      const quota = Object.assign({}, ...limits.map(({ change }) => change())) as object;
      void save({
        ...(Object.keys(quota).length > 0 && { quota }),
        ...(life.read() !== (graph.expiresAfterMs ?? null) && { expiresAfterMs: life.read() }),
        ...lives.change(),
      });
    };
    return element(
      'form',
      { class: 'stack', on: { submit } },
      element('h3', {}, 'Quota'),
      element(
        'div',
        { class: 'field-grid' },
        limits.map(({ field }) => field),
      ),
      element('h3', {}, 'Time to live of what is made without expiresAt'),
      element('div', { class: 'field' }, element('label', { for: 'life' }, 'Any element'), life.element),
      lives.element,
      element('div', { class: 'row' }, element('button', { type: 'submit', class: 'primary' }, 'Save settings')),
    );
  };

  return { element: element('div', { class: 'stack wide' }, failure, place), choose, draw };
}

function aboutOf({ lifecycle, partitions }: GraphDocument): HTMLElement {
  const isEphemeral = lifecycle === 'ephemeral';
  return element(
    'p',
    { class: 'muted' },
    element('span', { class: 'chip' }, isEphemeral ? 'ephemeral' : 'persistent'),
    isEphemeral ? ' In the memory of this server only, gone when it stops. ' : ' Kept on disk, on all servers. ',
    `${partitions} ${partitions === 1 ? 'partition' : 'partitions'}.`,
  );
}

function usageOf({ usage, quota }: GraphDocument): HTMLElement {
  if (usage === undefined) {
    const why = 'How much it holds was not counted yet: it is once a quota asks for it, or all of it was in memory.';
    return element('p', { class: 'muted' }, why);
  }
  const { nodes, edges, bytes } = usage;
  const elements = nodes + edges;
  return element(
    'div',
    { class: 'meters' },
    meter('Elements', elements, quota?.elements, String, `${nodes} nodes, ${edges} edges`),
    meter('Bytes', bytes, quota?.bytes, sizeText, 'estimated'),
  );
}

function meter(
  title: string,
  used: number,
  max: number | undefined,
  text: (value: number) => string,
  about: string,
): HTMLElement {
  const numbers = max === undefined ? `${text(used)}, no limit` : `${text(used)} of ${text(max)}`;
  const isFull = max !== undefined && used >= max;
  return element(
    'div',
    { class: isFull ? 'meter full' : 'meter' },
    element('div', { class: 'row' }, element('strong', {}, title), element('span', { class: 'numbers' }, numbers)),
    max !== undefined &&
      element('meter', {
        'aria-label': `${title} used`,
        min: 0,
        max: Math.max(1, max),
        high: max * 0.9,
        value: Math.min(used, max),
      }),
    element('span', { class: 'muted' }, isFull ? `${about}; what would add to it is refused` : about),
  );
}

interface LivesField {
  readonly element: HTMLElement;
  change(): { readonly expiresAfterMsByLabel?: Lives | null };
}

/** Times to live by label or type, one row each. */
function livesField(before: Lives): LivesField {
  const rows = new Map<HTMLElement, { readonly label: HTMLInputElement; readonly life: DurationField }>();
  const list = element('div', { class: 'stack' });
  const add = (name: string, ms: number | undefined): HTMLInputElement => {
    const label = element('input', { value: name, 'aria-label': 'Label or type', placeholder: 'label or type' });
    const life = durationField(`time to live of ${name || 'the label'}`, ms);
    const row = element(
      'div',
      { class: 'row' },
      label,
      life.element,
      button(
        'Remove',
        () => {
          rows.delete(row);
          row.remove();
        },
        { class: 'quiet', 'aria-label': `Remove the time to live of ${name || 'the label'}` },
      ),
    );
    rows.set(row, { label, life });
    list.append(row);
    return label;
  };
  for (const [label, ms] of Object.entries(before)) add(label, ms);
  return {
    element: element(
      'div',
      { class: 'stack' },
      list,
      element(
        'div',
        { class: 'row' },
        button('Add a label or type', () => add('', undefined).focus()),
      ),
    ),
    change() {
      const now: Record<string, number> = {};
      for (const { label, life } of rows.values()) {
        const ms = life.read();
        if (label.value !== '' && ms !== null) now[label.value] = ms;
      }
      const texts = [now, before].map((lives) => JSON.stringify(Object.entries(lives).sort()));
      if (texts[0] === texts[1]) return {};
      return { expiresAfterMsByLabel: Object.keys(now).length === 0 ? null : now };
    },
  };
}
