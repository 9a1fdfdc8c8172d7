import { importFiles } from './import-file.ts';
import { median, seconds } from './measure.ts';
import { type RealGraph, realGraph } from './real-graph.ts';
import { againstLimit, type Benchmark } from './report.ts';
import { ServerProcess } from './server-process.ts';
import { temporaryDirectory } from './settings.ts';

const SECONDS_MAX = 3;

export const restart: Benchmark = {
  name: 'restart',
  title: 'start of a server on the data folder of a real graph, until it has answered a GET of a node',
  peers: 'none: a fixed limit, in real time; see the calibration',
  async run(run) {
    const graph = await realGraph(run);
    const data = temporaryDirectory('data');
    const first = await ServerProcess.weft(data);
    await importFiles(first, [graph.file]);
    // Killed at once, with all that the import left in the log.
    await first.kill();
    const afterImport = await startAndRead(data, graph);
    await afterImport.server.stop();
    const clean: number[] = [];
    const killed: number[] = [];
    const whole: number[] = [];
    for (let round = 0; round < (run.quick ? 2 : 4); round++) {
      const stopped = await startAndRead(data, graph);
      clean.push(stopped.took);
      whole.push(await seconds(() => readAll(stopped.server, graph)));
      await stopped.server.kill();
      const crashed = await startAndRead(data, graph);
      killed.push(crashed.took);
      await crashed.server.stop();
    }
    run.figure(againstLimit('first read after a clean stop', median(clean), 's', { atMost: SECONDS_MAX }));
    run.figure(againstLimit('first read after a kill', median(killed), 's', { atMost: SECONDS_MAX }));
    run.figure(
      againstLimit('first read after a kill that ended the import', afterImport.took, 's', { atMost: SECONDS_MAX }),
    );
    run.remark(`reading the whole graph after the first node takes ${median(whole).toFixed(2)} s more`);
  },
};

async function startAndRead(data: string, graph: RealGraph): Promise<{ server: ServerProcess; took: number }> {
  const start = performance.now();
  const server = await ServerProcess.weft(data);
  const url = `http://127.0.0.1:${server.port}/v1/graphs/default/nodes/${encodeURIComponent(graph.anyId)}`;
  const answer = await fetch(url);
  if (answer.status !== 200) throw new Error(`the node was answered with ${answer.status}`);
  await answer.arrayBuffer();
  return { server, took: (performance.now() - start) / 1000 };
}

/** Brings every partition into memory. */
async function readAll({ port }: ServerProcess, graph: RealGraph): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/graphs/default/integrity`);
  const { nodes, edges } = (await answer.json()) as { nodes: number; edges: number };
  if (nodes !== graph.nodes || edges !== graph.edges) throw new Error(`${nodes} nodes and ${edges} edges are left`);
}
