/** What an exploration leaves out makes it smaller and hides nothing: it is compared with one that leaves out nothing. */
import { expect, test } from 'vitest';
import { explore, outcomeOf } from './explore.ts';
import { ServerFacts } from './server-facts.ts';
import { firstWorld, type Inbox, type Plan, placeKey, type ServerState, type World, withSent } from './state.ts';
import { crash, stepsOf } from './step.ts';

/** Keeps every state as it is, and every message. */
class Everything extends ServerFacts {
  override essenceOf(server: ServerState): ServerState {
    return server;
  }
  override usefulOf(inbox: Inbox): Inbox {
    return inbox;
  }
}

/** All that can be told, found by one step of one server after the other. */
function plainOutcomes(plan: Plan): ReadonlySet<string> {
  const rules = { plan, bugs: new Set<never>(), facts: new Everything(new Set()) };
  const outcomes = new Set<string>();
  const seen = new Set<string>();
  const open: World[] = [firstWorld(plan)];
  for (let world = open.pop(); world !== undefined; world = open.pop()) {
    const { servers, inboxes, shared } = world;
    for (const [index, server] of servers.entries()) {
      const place = { index, server, inbox: inboxes[index] as Inbox, shared, outgoing: [] };
      const nexts = stepsOf(place, rules).map((step) => step.place);
      const crashed = crash(place, server.acceptor.promised, rules);
      for (const next of crashed === undefined ? nexts : [...nexts, crashed]) {
        const after = inboxes.map((inbox, i) => (i === index ? next.inbox : inbox));
        for (const sent of next.outgoing) after[sent.to] = withSent(after[sent.to] as Inbox, sent);
        const reached = {
          servers: servers.map((one, i) => (i === index ? next.server : one)),
          inboxes: after,
          shared: next.shared,
        };
        const key = reached.servers.map((one, i) => placeKey(one, after[i] as Inbox, next.shared)).join(';');
        if (seen.has(key)) continue;
        seen.add(key);
        if (next.shared !== shared) outcomes.add(outcomeOf(reached));
        open.push(reached);
      }
    }
  }
  return outcomes;
}

const READ = { kind: 'read' } as const;
const WRITE = { kind: 'cas', from: 0, to: 1 } as const;
const WRITER = { server: 0, operation: WRITE };
const ALONE = { begins: [1, 0], latest: [0, 0], crashes: 0, leadsAgain: false, plainWrite: undefined };

test.for<Plan>([
  { ...ALONE, name: 'a writer that reads', operations: [WRITER, { server: 0, operation: READ }] },
  { ...ALONE, name: 'a writer that crashes and leads again', operations: [WRITER], crashes: 1, leadsAgain: true },
  { ...ALONE, name: 'a reader and a plain write', operations: [{ server: 0, operation: READ }], plainWrite: 5 },
  { ...ALONE, name: 'a writer and a reader', operations: [WRITER, { server: 1, operation: READ }], begins: [1, 1] },
])('$name -> the same is told in an exploration that leaves out nothing', (plan) => {
  const explored = explore(plan, new Set(), Number.POSITIVE_INFINITY);
  expect(explored).toMatchObject({ kind: 'valid', outcomes: plainOutcomes(plan) });
});
