/**
 * The cluster as this server sees it, looked at again and again while the page is open: members with their lag, links (with
 * buttons for faults where the server takes them), version vectors, and the digests of partitions, which prove convergence.
 */
import type { ClusterDescription, LinkFault, Member } from './cluster-types.ts';
import { button, element, replace } from './element.ts';
import type { App, Page } from './page.ts';
import { messageOf, problemView } from './problem-view.ts';
import { sizeText } from './size-text.ts';

const LOOK_MS = 1500;

interface Digests {
  readonly digest: string;
  readonly partitions: Readonly<Record<string, string>>;
}

export function clusterPage(app: App): Page {
  const { connection } = app;
  const members = element('div', { class: 'members' });
  const vector = element('div', {
    class: 'scroll-x',
    tabindex: 0,
    role: 'region',
    'aria-label': 'Table of version vectors',
  });
  const quorum = element('p', { class: 'muted' });
  const digests = element('div', { class: 'digests' });
  const failure = element('div');
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOpen = true;
  /** Undefined until it is known, null on a server that takes no faults. */
  let faults: readonly LinkFault[] | null | undefined;
  /** What is drawn, so that nothing is drawn anew, and no focus lost, while nothing changes. */
  let drawn = '';

  /** Only a server that was started with `--chaos` has these routes, and its description of itself says so. */
  const readFaults = async (isAlone: boolean): Promise<void> => {
    if (faults === null || isAlone) return;
    try {
      if (faults === undefined) {
        const { paths } = await connection.call<{ readonly paths: object }>('GET', '/openapi.json');
        if (!Object.hasOwn(paths, '/v1/chaos/links')) {
          faults = null;
          return;
        }
      }
      faults = (await connection.call<{ readonly links: readonly LinkFault[] }>('GET', '/v1/chaos/links')).links;
    } catch {
      // Whoever has no right to put faults on links sees the page without the buttons.
      faults = null;
    }
  };

  const change = async (peer: string, fault: Partial<LinkFault> | undefined): Promise<void> => {
    const path = `/v1/chaos/links/${encodeURIComponent(peer)}`;
    try {
      if (fault === undefined) await connection.call('DELETE', path);
      else await connection.call('PUT', path, fault);
      app.announce(fault === undefined ? `The link to ${peer} is healed.` : `The link to ${peer} has a fault now.`);
    } catch (error) {
      app.announce(messageOf(error), 'failed');
    }
    await look();
  };

  const look = async (): Promise<void> => {
    clearTimeout(timer);
    try {
      const cluster = (await connection.client.cluster()) as unknown as ClusterDescription;
      await readFaults(cluster.members.length <= 1);
      if (!isOpen) return;
      draw(cluster);
      replace(failure);
    } catch (error) {
      if (isOpen) replace(failure, problemView(error));
    }
    clearTimeout(timer);
    if (isOpen) timer = setTimeout(() => void look(), LOOK_MS);
  };

  const draw = (cluster: ClusterDescription): void => {
    const steady = JSON.stringify([cluster, faults], (key, value) => (key === 'heardMsAgo' ? undefined : value));
    if (steady === drawn) return;
    drawn = steady;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.key : undefined;
    replace(
      members,
      cluster.members.map((member) => memberCard(member, faults ?? undefined, change)),
    );
    replace(quorum, quorumText(cluster));
    replace(vector, vectorTable(cluster));
    if (focused !== undefined) members.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  };

  const readDigests = async (): Promise<void> => {
    replace(digests, element('p', { class: 'muted' }, 'Reading the whole graph…'));
    try {
      const path = `/v1/graphs/${encodeURIComponent(app.graphName)}/digest`;
      const { digest, partitions } = await connection.call<Digests>('GET', path);
      const tiles = Object.entries(partitions).map(([name, value]) => {
        const tile = element(
          'li',
          {},
          element('span', { class: 'muted' }, name),
          element('code', {}, value === '' ? 'empty' : value.slice(0, 12)),
        );
        tile.style.borderLeftColor = `hsl(${Number.parseInt(value.replace(/[^\da-f]/gi, '').slice(0, 4) || '0', 16) % 360} 50% 55%)`;
        return tile;
      });
      replace(
        digests,
        element('p', {}, 'Graph ', element('strong', {}, app.graphName), ' ', element('code', {}, digest)),
        element('ul', { class: 'tiles' }, tiles),
      );
    } catch (error) {
      replace(digests, problemView(error));
    }
  };

  void look();
  const page = element(
    'div',
    { class: 'page' },
    element('h1', {}, 'Cluster'),
    failure,
    quorum,
    members,
    section('Version vectors', 'What of each origin is durable on each server, as far as this one knows.', vector),
    section(
      'Partitions',
      'Digests of the canonical state. Open this page on another server: equal digests prove that both hold the same graph.',
      button('Compute digests', () => void readDigests()),
      digests,
    ),
  );
  return {
    element: page,
    reload: () => {
      faults = undefined;
      replace(digests);
      void look();
    },
    close: () => {
      isOpen = false;
      clearTimeout(timer);
    },
  };
}

function section(title: string, about: string, ...content: HTMLElement[]): HTMLElement {
  return element(
    'section',
    { class: 'panel block', 'aria-label': title },
    element('h2', {}, title),
    element('p', { class: 'muted' }, about),
    content,
  );
}

function quorumText({ quorum }: ClusterDescription): string {
  const { voters, isReachable, reachable, majority } = quorum;
  if (voters.length === 0) return '';
  const decide = `${voters.join(', ')} ${voters.length === 1 ? 'decides' : 'decide'} what is strong.`;
  const how = `${reachable} of ${voters.length} reached, ${majority} needed`;
  return `${decide} ${isReachable ? `A majority is there: ${how}.` : `Strong requests are refused: ${how}.`}`;
}

function memberCard(
  member: Member,
  faults: readonly LinkFault[] | undefined,
  change: (peer: string, fault: Partial<LinkFault> | undefined) => Promise<void>,
): HTMLElement {
  const { name, url, state, self, replicaId, lagCommits, lagMs, link } = member;
  const fault = faults?.find(({ peer }) => peer === name || peer === url);
  const faultButton = (label: string, wanted: Partial<LinkFault> | undefined): HTMLElement =>
    button(label, () => void change(name, wanted), {
      'data-key': `${name} ${label}`,
      'aria-label': `${label} (${name})`,
    });
  const facts: readonly (readonly [string, string])[] = self
    ? [
        ['replica', String(replicaId ?? '')],
        ['address', url],
      ]
    : [
        ['replica', replicaId === undefined ? 'not met yet' : String(replicaId)],
        ['address', url],
        ['lag', lagCommits === 0 ? 'none' : `${lagCommits} commits, ${Math.round(lagMs)} ms`],
        ['link', link.reason === undefined ? link.state : `${link.state}: ${link.reason}`],
        ['sent', sizeText(link.bytesSent)],
        ['received', sizeText(link.bytesReceived)],
        ['unacknowledged', sizeText(link.unacknowledgedBytes)],
      ];
  return element(
    'article',
    { class: `panel member ${state}`, 'aria-label': name },
    element(
      'div',
      { class: 'row' },
      element('span', { class: `dot ${state}` }),
      element('h2', {}, name),
      element('span', { class: 'muted' }, self ? 'this server' : state),
      fault !== undefined && element('span', { class: 'chip fault' }, faultText(fault)),
    ),
    element(
      'dl',
      { class: 'facts' },
      facts.map(([term, value]) => value !== '' && [element('dt', {}, term), element('dd', {}, value)]),
    ),
    !self &&
      faults !== undefined &&
      element(
        'div',
        { class: 'row' },
        faultButton('Cut', { cut: true }),
        faultButton('Cut out', { cut: true, direction: 'out' }),
        faultButton('Slow', { delayMs: 500 }),
        faultButton('Lossy', { dropRate: 0.3 }),
        fault !== undefined && faultButton('Heal', undefined),
      ),
  );
}

function faultText({ cut, direction, delayMs, dropRate }: LinkFault): string {
  if (cut) return direction === 'both' ? 'cut' : `cut, ${direction}`;
  return [delayMs > 0 && `${delayMs} ms late`, dropRate > 0 && `${Math.round(dropRate * 100)} % lost`]
    .filter(Boolean)
    .join(', ');
}

/** Servers below, origins to the right; what lags behind this server is marked. */
function vectorTable({ members, vector }: ClusterDescription): HTMLElement {
  const origins = [
    ...new Set(members.flatMap((member) => Object.keys(member.vector ?? {})).concat(Object.keys(vector))),
  ].sort();
  const nameOf = (origin: string): string => {
    const member = members.find(({ replicaId }) => String(replicaId) === origin);
    return member === undefined ? origin : `${member.name} (${origin})`;
  };
  const row = (name: string, of: Readonly<Record<string, number>>): HTMLElement =>
    element(
      'tr',
      {},
      element('th', { scope: 'row' }, name),
      origins.map((origin) => {
        const seq = of[origin] ?? 0;
        return element('td', { class: seq < (vector[origin] ?? 0) ? 'number behind' : 'number' }, seq);
      }),
    );
  return element(
    'table',
    { class: 'rows' },
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        element('td', {}),
        origins.map((origin) => element('th', { scope: 'col' }, nameOf(origin))),
      ),
    ),
    element(
      'tbody',
      {},
      members.map((member) =>
        member.self ? row(member.name, vector) : member.vector === undefined ? null : row(member.name, member.vector),
      ),
    ),
  );
}
