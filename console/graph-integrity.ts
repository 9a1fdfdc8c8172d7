/** Looks through the chosen graph for what does not match, shows what was found, and puts it right when asked to. */
import { confirmDialog } from './confirm-dialog.ts';
import { button, element, replace } from './element.ts';
import type { App } from './page.ts';
import { problemView } from './problem-view.ts';
import { elementLink } from './result-table.ts';

/** Ids of each kind that are shown. */
const IDS_MAX = 20;

const KINDS = [
  { kind: 'hiddenEdges', title: 'Hidden edges', about: 'no reader sees them, because an endpoint does not exist' },
  { kind: 'orphanStubs', title: 'Orphan stubs', about: 'incoming stubs without their edge' },
  { kind: 'missingStubs', title: 'Missing stubs', about: 'edges whose target does not know of them' },
  { kind: 'duplicateEdges', title: 'Duplicate edge ids', about: 'one id in two partitions; a repair leaves them' },
] as const;

interface Integrity extends Readonly<Record<(typeof KINDS)[number]['kind'], readonly string[]>> {
  readonly nodes: number;
  readonly edges: number;
  readonly indexDifferences: readonly { readonly index: string; readonly of: string; readonly partition?: string }[];
  readonly constraintViolations: readonly {
    readonly constraint: string;
    readonly elements: number;
    readonly groups: readonly (readonly string[])[];
  }[];
  readonly found: Readonly<Record<(typeof KINDS)[number]['kind'] | 'indexDifferences', number>>;
  readonly checked: { readonly partitions: number; readonly stubs: number; readonly constraints: number };
  readonly repaired: number;
}

export interface GraphIntegrity {
  readonly element: HTMLElement;
  /** Forgets what was found: another graph was chosen, or the page is left. */
  clear(): void;
}

export function graphIntegrity(app: App): GraphIntegrity {
  const result = element('div', { class: 'stack wide', 'aria-live': 'polite' });
  const check = button('Check', () => void run('GET'));
  const repair = button('Repair…', () => ask(), { class: 'danger' });
  const stop = button('Stop', () => running?.abort(), { class: 'quiet' });
  stop.disabled = true;
  let running: AbortController | undefined;

  const run = async (method: 'GET' | 'POST'): Promise<void> => {
    const name = app.graphName;
    const mine = new AbortController();
    running = mine;
    setRunning(true);
    replace(result, element('p', { class: 'muted' }, `Reading all of ${name}…`));
    try {
      const path = `/v1/graphs/${encodeURIComponent(name)}/integrity?limit=${IDS_MAX}`;
      const report = await app.connection.call<Integrity>(method, path, undefined, mine.signal);
      if (running === mine) replace(result, reportView(report, method === 'POST'));
    } catch (error) {
      if (running !== mine) return;
      replace(result, mine.signal.aborted ? element('p', { class: 'muted' }, 'Stopped.') : problemView(error));
    } finally {
      if (running === mine) setRunning(false);
    }
  };

  const setRunning = (isRunning: boolean): void => {
    check.disabled = isRunning;
    repair.disabled = isRunning;
    stop.disabled = !isRunning;
    if (!isRunning) running = undefined;
  };

  const ask = (): void => {
    const question = {
      title: `Repair ${app.graphName}?`,
      about:
        'Hidden edges and orphan stubs are deleted for good, missing stubs written, indexes made anew. An edge that is hidden ' +
        'now would be seen again if its endpoint came back; once deleted it is not.',
      action: 'Repair',
      refusal: 'Leave it',
    };
    confirmDialog(whole, question, () => void run('POST'));
  };

  const whole = element(
    'section',
    { class: 'panel block', 'aria-label': 'Integrity' },
    element('h2', {}, 'Integrity'),
    element('p', { class: 'muted' }, 'Reads the whole graph in slices; other requests go on in between.'),
    element('div', { class: 'row' }, check, repair, stop),
    result,
  );
  return {
    element: whole,
    clear() {
      running?.abort();
      setRunning(false);
      replace(result);
    },
  };
}

function reportView(report: Integrity, isRepaired: boolean): HTMLElement[] {
  const { nodes, edges, found, checked, repaired, indexDifferences, constraintViolations } = report;
  const sum = Object.values(found).reduce((a, b) => a + b, 0);
  const broken = constraintViolations.reduce((count, { elements }) => count + elements, 0);
  const verdict =
    sum + broken === 0
      ? 'Nothing is wrong.'
      : isRepaired
        ? `${sum} found, ${repaired} put right.`
        : `${sum + broken} found.`;
  const parts: HTMLElement[] = [
    element(
      'p',
      {},
      element('strong', { class: sum + broken === 0 ? 'good' : 'bad' }, verdict),
      element(
        'span',
        { class: 'muted' },
        ` ${nodes} nodes, ${edges} edges; ${checked.partitions} partitions, ${checked.stubs} stubs, ${checked.constraints} constraints checked.`,
      ),
    ),
  ];
  for (const { kind, title, about } of KINDS) {
    if (found[kind] === 0) continue;
    parts.push(
      findings(
        title,
        found[kind],
        about,
        report[kind].map((id) => element('li', {}, elementLink('edge', id, id))),
      ),
    );
  }
  if (found.indexDifferences > 0) {
    const rows = indexDifferences.map(({ index, of, partition }) =>
      element('li', {}, `${index} ${of}`, partition !== undefined && ` in ${partition}`),
    );
    parts.push(findings('Index differences', found.indexDifferences, 'indexes that do not say what is there', rows));
  }
  for (const { constraint, elements, groups } of constraintViolations) {
    const rows = groups.slice(0, IDS_MAX).map((group) => element('li', {}, group.join(', ')));
    parts.push(findings(`Constraint ${constraint}`, elements, 'elements that break it; put them right yourself', rows));
  }
  return parts;
}

function findings(title: string, count: number, about: string, rows: readonly HTMLElement[]): HTMLElement {
  return element(
    'div',
    { class: 'findings' },
    element('h3', {}, `${title}: ${count}`),
    element('p', { class: 'muted' }, about),
    element('ul', { class: 'edge-list' }, rows),
  );
}
