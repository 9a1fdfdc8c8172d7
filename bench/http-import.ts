import { importFiles } from './import-file.ts';
import { seconds } from './measure.ts';
import { type RealGraph, realGraph } from './real-graph.ts';
import { againstLimit, type Benchmark, type Run } from './report.ts';
import { ServerProcess } from './server-process.ts';
import { settings, temporaryDirectory } from './settings.ts';

const ELEMENTS_PER_SECOND = 100_000;
/** How often the nodes are imported again: what that adds is no data. */
const REPEATS = 5;
const LOOK_MS = 400;

export const httpImport: Benchmark = {
  name: 'http-import',
  title: 'durable import of a real graph over HTTP, streamed from a file, into an empty server; its memory meanwhile',
  peers: 'none: fixed limits. Memory is what is alive after collections, above that of the idle server',
  async run(run) {
    const graph = await realGraph(run);
    const elements = graph.nodes + graph.edges;
    const rates: number[] = [];
    const rounds = run.quick || settings().profiles !== undefined ? 1 : 3;
    for (let round = 1; round <= rounds; round++) {
      const server = await ServerProcess.weft(temporaryDirectory('data'));
      const took = await seconds(() => importGraph(server, graph));
      const cpu = server.cpuMs() / 1000;
      rates.push(elements / took);
      run.remark(
        `run ${round}: ${took.toFixed(1)} s; ${Math.round(elements / cpu)} elements a second of the server's processor ` +
          `time; resident memory at most ${(server.residentBytes().peak / 1e6).toFixed(0)} MB`,
      );
      await server.stop();
    }
    run.figure(againstLimit('elements imported, best run', Math.max(...rates), '/s', { atLeast: ELEMENTS_PER_SECOND }));
    if (settings().profiles === undefined) await watchMemory(run, graph);
  },
};

async function importGraph(server: ServerProcess, graph: RealGraph): Promise<void> {
  const { nodes, edges } = await importFiles(server, [graph.file]);
  if (nodes !== graph.nodes || edges !== graph.edges) throw new Error(`imported ${nodes} nodes, ${edges} edges`);
}

/** A run of its own, as collecting garbage again and again takes time. */
async function watchMemory(run: Run, graph: RealGraph): Promise<void> {
  const server = await ServerProcess.weft(temporaryDirectory('data'));
  const idle = await server.liveBytes();
  const peak = await peakWhile(server, importGraph(server, graph));
  const held = (await server.liveBytes()) - idle;
  const megabytes = (bytes: number) => (bytes - idle) / 1e6;
  run.figure({
    what: 'peak memory during the import',
    ours: megabytes(peak),
    unit: 'MB',
    reference: { what: 'after it', value: held / 1e6 },
    ratio: (peak - idle) / held,
    target: { atMost: 1.25 },
  });
  const files = Array.from({ length: REPEATS }, () => graph.nodesFile);
  const again = await peakWhile(server, importFiles(server, files));
  run.figure({
    what: `peak memory, nodes imported ${REPEATS} more times`,
    ours: megabytes(again),
    unit: 'MB',
    reference: { what: 'before', value: held / 1e6 },
    ratio: (again - idle) / held,
    target: { atMost: 1.25 },
  });
  await server.stop();
}

async function peakWhile(server: ServerProcess, work: Promise<unknown>): Promise<number> {
  let peak = 0;
  let busy = true;
  const done = work.finally(() => {
    busy = false;
  });
  done.catch(() => undefined);
  while (busy) {
    peak = Math.max(peak, await server.liveBytes());
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  await done;
  return peak;
}
