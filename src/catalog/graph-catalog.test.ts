import { expect, test } from 'vitest';
import { graphName } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { Cluster, type Server } from '../replication/cluster.model.ts';

test('changes that a majority should decide wait for one [no majority] -> those that need none do not wait for them', async () => {
  const cluster = new Cluster('a', 'b', 'c');
  const [a, b, c] = (await cluster.startVoting()) as [Server, Server, Server];
  for (const other of [b, c]) cluster.cut(a, other);
  const { engine } = a;
  const strong = Array.from({ length: 3 }, (_, i) =>
    cluster.refusal(engine.createGraph(graphName(`s${i}`), {}, 'strong')),
  );
  const nowMs = () => cluster.network.env.clock.monotonicMs();
  const begunMs = nowMs();
  await cluster.during(engine.createGraph(graphName('plain'), {}));
  await cluster.during(engine.deleteGraph(graphName('plain')));
  expect(nowMs() - begunMs).toBeLessThan(LIMITS.strongWaitMs / 2);
  for (const error of await Promise.all(strong)) expect(error.code).toBe('quorum-unavailable');
});
