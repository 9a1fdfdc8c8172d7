/** How long strong writes stand still when the server that coordinates them is killed. */
import { percentile } from './measure.ts';
import { againstLimit, type Benchmark } from './report.ts';
import { threeServers } from './three-servers.ts';

const NODES = '/v1/graphs/default/nodes';
const LIMIT_MS = 2500;

export const strongFailOver: Benchmark = {
  name: 'strong-fail-over',
  title: 'from kill -9 of a server to the next acknowledged strong write on another one',
  peers: 'a fixed limit. Each of the three servers is killed in turn, so the coordinator is among them',
  async run(run) {
    const times: number[] = [];
    for (let trial = 0; trial < (run.quick ? 3 : 12); trial++) {
      const servers = await threeServers();
      const victim = servers[trial % servers.length];
      const others = servers.filter((server) => server !== victim);
      const write = async (port: number) => {
        const answer = await fetch(`http://127.0.0.1:${port}${NODES}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'Consistency-Level': 'strong' },
          body: '{}',
        });
        await answer.text();
        return answer.status === 201;
      };
      for (const { port } of servers) while (!(await write(port)));
      const begunMs = performance.now();
      await victim?.kill();
      await Promise.all(
        others.map(async ({ port }) => {
          while (!(await write(port)));
          times.push(performance.now() - begunMs);
        }),
      );
      await Promise.all(others.map((server) => server.stop()));
    }
    run.figure(againstLimit('strong write after a kill, p95', percentile(times, 0.95), 'ms', { atMost: LIMIT_MS }));
    run.figure(againstLimit('strong write after a kill, p50', percentile(times, 0.5), 'ms', { atMost: LIMIT_MS }));
  },
};
