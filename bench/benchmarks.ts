/** All benchmarks, in the order in which they run. */

import { beyondMemoryHashed } from './beyond-memory-hashed.ts';
import { beyondMemoryScopes } from './beyond-memory-scopes.ts';
import { consolePicture } from './console-picture.ts';
import { edgeCreates } from './edge-creates.ts';
import { edgeHeap } from './edge-heap.ts';
import { httpGet } from './http-get.ts';
import { httpImport } from './http-import.ts';
import { httpLatency } from './http-latency.ts';
import { httpPost } from './http-post.ts';
import { hydration } from './hydration.ts';
import { nodeCreates } from './node-creates.ts';
import { nodeHeap } from './node-heap.ts';
import { offlineReplica } from './offline-replica.ts';
import { overwrites } from './overwrites.ts';
import { pointReads } from './point-reads.ts';
import { propertyUpdates } from './property-updates.ts';
import { queries } from './queries.ts';
import { queryHttp } from './query-http.ts';
import { queryPeers } from './query-peers.ts';
import { queryWrites } from './query-writes.ts';
import { replicationCatchUp } from './replication-catch-up.ts';
import { replicationOverhead } from './replication-overhead.ts';
import { replicationVisible } from './replication-visible.ts';
import type { Benchmark } from './report.ts';
import { restart } from './restart.ts';
import { sessionChannel } from './session-channel.ts';
import { strongFailOver } from './strong-fail-over.ts';
import { strongOperations } from './strong-operations.ts';

export const BENCHMARKS: readonly Benchmark[] = [
  nodeCreates,
  edgeCreates,
  propertyUpdates,
  pointReads,
  queries,
  queryPeers,
  queryWrites,
  nodeHeap,
  edgeHeap,
  overwrites,
  httpGet,
  httpPost,
  httpLatency,
  httpImport,
  queryHttp,
  sessionChannel,
  hydration,
  restart,
  beyondMemoryScopes,
  beyondMemoryHashed,
  replicationOverhead,
  replicationVisible,
  replicationCatchUp,
  offlineReplica,
  strongOperations,
  strongFailOver,
  consolePicture,
];
