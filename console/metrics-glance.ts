/**
 * A few metrics of the server and how they went in the last minutes. It looks as long as the page is open; what was before is
 * Prometheus's to know. What the page itself asks for is not counted among the requests.
 */
import type { Connection } from './connection.ts';
import { element, replace } from './element.ts';
import { parseMetrics, quantileBetween, type Sample, type Samples, sumOf } from './metrics-text.ts';
import { problemView } from './problem-view.ts';
import { sizeText } from './size-text.ts';
import { sparkline } from './sparkline.ts';

/** Looks that are kept. */
const KEPT = 60;
const DURATIONS = 'weft_http_request_duration_seconds';
const OWN_ROUTES = new Set(['/metrics', '/v1/queries']);

const isOfOthers = ({ route = '' }: Sample['labels']): boolean => !OWN_ROUTES.has(route);

interface Look {
  readonly atMs: number;
  readonly samples: Samples;
}

interface Glance {
  readonly title: string;
  /** Undefined if there is nothing to say. */
  readonly value: (before: Look, now: Look) => number | undefined;
  readonly text: (value: number) => string;
}

const rate =
  (name: string, choose?: Parameters<typeof sumOf>[2]): Glance['value'] =>
  (before, now) => {
    const grown = sumOf(now.samples, name, choose) - sumOf(before.samples, name, choose);
    // Less than before: the server was started anew.
    return grown < 0 ? undefined : (grown * 1000) / (now.atMs - before.atMs);
  };
const gauge =
  (name: string): Glance['value'] =>
  (_, now) =>
    sumOf(now.samples, name);
const latency =
  (quantile: number): Glance['value'] =>
  (before, now) =>
    quantileBetween([before.samples, now.samples], DURATIONS, quantile, isOfOthers);

const perSecond = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} /s`;
const seconds = (value: number): string =>
  value === Number.POSITIVE_INFINITY ? 'over a minute' : value < 1 ? `≤ ${value * 1000} ms` : `≤ ${value} s`;
const count = (value: number): string => String(value);

const GLANCES: readonly Glance[] = [
  { title: 'Requests', value: rate('weft_http_requests_total', isOfOthers), text: perSecond },
  { title: 'Half of them within', value: latency(0.5), text: seconds },
  { title: '99 of 100 within', value: latency(0.99), text: seconds },
  { title: 'Requests in flight', value: gauge('weft_http_requests_in_flight'), text: count },
  { title: 'Commits', value: rate('weft_commits_total'), text: perSecond },
  { title: 'Commits of others', value: rate('weft_remote_commits_total'), text: perSecond },
  { title: 'Links up', value: gauge('weft_links_up'), text: count },
  { title: 'Partitions in memory', value: gauge('weft_resident_bytes'), text: sizeText },
];

export interface MetricsGlance {
  readonly element: HTMLElement;
  /** Reads the metrics and draws them. What goes wrong is shown in place of them. */
  look(): Promise<void>;
}

export function metricsGlance(connection: Connection): MetricsGlance {
  const cards = element('div', { class: 'glances' });
  const values = new Map<Glance, number[]>();
  let before: Look | undefined;

  const draw = (from: Look, now: Look): void => {
    replace(
      cards,
      GLANCES.map((glance) => {
        const value = glance.value(from, now);
        const kept = values.get(glance) ?? [];
        values.set(glance, kept);
        kept.push(value === undefined || value === Number.POSITIVE_INFINITY ? 0 : value);
        if (kept.length > KEPT) kept.shift();
        return element(
          'div',
          { class: 'glance' },
          element('span', { class: 'muted' }, glance.title),
          element('strong', {}, value === undefined ? 'none' : glance.text(value)),
          sparkline(kept, KEPT),
        );
      }),
    );
  };

  return {
    element: element(
      'section',
      { class: 'panel block', 'aria-label': 'Metrics' },
      element('h2', {}, 'Metrics'),
      element(
        'p',
        { class: 'muted' },
        'Of this server, since the page was opened. ',
        element('code', {}, 'GET /metrics'),
        ' has all of them, for Prometheus.',
      ),
      cards,
    ),
    async look() {
      try {
        const samples = parseMetrics(await (await connection.open('/metrics')).text());
        const now = { atMs: performance.now(), samples };
        if (before === undefined) replace(cards, element('p', { class: 'muted' }, 'Looking…'));
        else draw(before, now);
        before = now;
      } catch (error) {
        replace(cards, problemView(error));
      }
    },
  };
}
