/**
 * JSON schemas for the OpenAPI document. They describe; they do not validate: bodies hold values that JSON Schema cannot
 * tell apart (2 and 2.0), so hand-written parsers check them and name the field that is wrong.
 */
import { DOCUMENTED_ERRORS } from '../base/error-docs.ts';
import * as LIMITS from '../base/limits.ts';
import { BATCH_OPERATIONS } from './parse-batch.ts';

const name = (description: string) => ({ type: 'string', minLength: 1, description });
const nameList = (description: string) => ({ type: 'array', items: { type: 'string' }, description });
const text = { type: 'string' };
const integer = { type: 'integer' };
const object = { type: 'object', additionalProperties: true };

const VALUE_DOC =
  'null, a boolean, an integer of 64 bits written as digits, a float (2.0 is not 2), text, a list, a map, or a typed ' +
  'form {"$type": ..., "_value": ...} with type Date, Time, LocalTime, LocalDateTime, DateTime, Duration, Point ' +
  '("SRID=4326;POINT (1.0 2.0)"), Base64, Integer or Float ("NaN", "Infinity"). A map with a key `$type` of its own is ' +
  'escaped as {"$type": "Map", "_value": {...}}.';

const PATCH_DOC =
  'A value replaces, null removes, {"$inc": n} adds to a number (at level strong with bounds: {"$inc": n, "$min": a, "$max": b}), {"$add": [...], "$remove": [...]} changes the members ' +
  'of a set; changes that replicas make concurrently add up. {"$text": "..."} makes a text, or edits the one that is there.';

const Properties = { type: 'object', additionalProperties: true, description: `Each value is ${VALUE_DOC}` };
const Texts = {
  type: 'object',
  additionalProperties: text,
  readOnly: true,
  description:
    'Properties that hold texts, each with the name of its root in the Yjs document of the partition; absent without any',
};
const Id = name('Any Unicode text of at most 1 KB. An id `scope!rest` lives in the partition of its scope.');
const condition = {
  description: '"*", a version or a list of versions',
  anyOf: [text, { type: 'array', items: text }],
};

const Node = {
  type: 'object',
  required: ['id', 'labels', 'properties'],
  properties: { id: Id, labels: nameList('In canonical order'), properties: Properties, texts: Texts },
};
const Edge = {
  type: 'object',
  required: ['id', 'type', 'from', 'to', 'properties'],
  properties: {
    id: Id,
    type: name('Fixed at creation'),
    from: name('Id of the source'),
    to: name('Id of the target'),
    properties: Properties,
    texts: Texts,
  },
};
const labelChange = {
  description: 'A list replaces all labels; an object changes single ones',
  anyOf: [
    nameList('All labels'),
    { type: 'object', properties: { add: nameList('To add'), remove: nameList('To remove') } },
  ],
};
const page = (member: string, item: object) => ({
  type: 'object',
  required: [member],
  properties: {
    [member]: { type: 'array', items: item },
    cursor: { type: 'string', description: 'Continues after the last item; absent at the end' },
  },
});
const limit = (description: string) => ({ type: ['integer', 'null'], minimum: 0, description });
const Quota = {
  type: 'object',
  description: 'What the graph may hold; what is absent is not limited. Null takes a limit back',
  properties: {
    elements: limit('Nodes and edges'),
    bytes: limit('100 for each element, and the names and values of its properties'),
    scopeElements: limit('Nodes and edges of each scope'),
    scopeBytes: limit('Bytes of each scope'),
  },
};
const lifeMs = { type: 'integer', minimum: 1, maximum: LIMITS.lifeMsMax };
const graphProperties = {
  partitions: { type: 'integer', minimum: 1, maximum: LIMITS.partitionsMax, default: LIMITS.partitionsDefault },
  restoringTypes: nameList('Edge types whose edges bring a concurrently deleted endpoint back'),
  lifecycle: {
    enum: ['persistent', 'ephemeral'],
    default: 'persistent',
    description: 'An ephemeral graph is in the memory of this server only, and gone with its process',
  },
  quota: Quota,
  expiresAfterMs: {
    ...lifeMs,
    type: ['integer', 'null'],
    description: 'Time to live of elements that are made without `expiresAt`',
  },
  expiresAfterMsByLabel: {
    type: ['object', 'null'],
    additionalProperties: lifeMs,
    description: 'The same for nodes with a label, or edges of a type; of several the shortest',
  },
};
const Graph = {
  type: 'object',
  required: ['name', 'partitions', 'restoringTypes'],
  properties: {
    name: text,
    ...graphProperties,
    usage: {
      type: 'object',
      description: 'What it holds, what is hidden or has expired included',
      properties: { nodes: integer, edges: integer, bytes: integer },
    },
  },
};
const counts = { nodes: integer, edges: integer, lines: { type: 'integer', description: 'Lines that are not blank' } };
const texts = (description: string) => ({ type: 'array', items: text, description });

const vector = {
  type: 'object',
  additionalProperties: integer,
  description: 'Origin of a stream of commits -> the last one that is durable, with all before it',
};
const Quorum = {
  type: 'object',
  required: ['configuration', 'voters', 'votes', 'reachable', 'majority', 'isReachable'],
  properties: {
    configuration: { ...integer, description: 'Number of the set of voters; 0 before they have met' },
    voters: { type: 'array', items: text, description: 'Their names' },
    votes: { type: 'boolean', description: 'Whether this server votes now' },
    reachable: { ...integer, description: 'Voters that this server reaches' },
    majority: { ...integer, description: 'How many are needed' },
    isReachable: { type: 'boolean' },
  },
};

const BackupRequest = {
  type: 'object',
  properties: {
    since: {
      type: 'object',
      description: 'From the header of an earlier backup; absent for a full one',
      required: ['id', 'vector'],
      properties: {
        id: { type: 'string', pattern: '^[0-9a-f]{32}$' },
        vector: { type: 'object', additionalProperties: integer, description: 'The last commit of each stream' },
      },
    },
    keep: {
      type: 'string',
      minLength: 1,
      maxLength: LIMITS.backupHoldNameCharsMax,
      description: 'A name under which the log is kept for the next backup, once all of this one was sent',
    },
  },
};

const BackupHolds = {
  type: 'object',
  required: ['holds'],
  properties: {
    holds: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name', 'id', 'madeMs', 'isBroken'],
        properties: {
          name: text,
          id: { ...text, description: 'The backup that was last made under the name' },
          madeMs: { ...integer, description: 'When it was begun, in milliseconds since the Unix epoch' },
          isBroken: {
            type: 'boolean',
            description: 'The log grew too long and was cut: the next one has to be a full one',
          },
        },
      },
    },
  },
};

const Member = {
  type: 'object',
  required: ['name', 'url', 'state', 'self', 'lagCommits', 'lagMs', 'link'],
  properties: {
    name: { type: 'string', description: 'Its URL until the server was met' },
    url: { type: 'string', description: 'As this server reaches it; for itself, what it advertises' },
    state: { type: 'string', enum: ['alive', 'suspect', 'dead'] },
    self: { type: 'boolean' },
    replicaId: { type: 'integer', description: 'Absent until the server was met' },
    vector,
    heardMsAgo: { type: 'number', description: 'Milliseconds since the last frame from it' },
    lagCommits: { type: 'integer', description: 'Commits that are here and not known to be there' },
    lagMs: { type: 'number', description: 'For how long something has been missing there' },
    link: {
      type: 'object',
      required: ['state', 'bytesSent', 'bytesReceived', 'unacknowledgedBytes'],
      properties: {
        state: { type: 'string', enum: ['up', 'connecting', 'down', 'refused'] },
        reason: { type: 'string', description: 'Why it is not up, if there is a reason' },
        bytesSent: integer,
        bytesReceived: integer,
        unacknowledgedBytes: integer,
      },
    },
  },
};
const linkFault = {
  cut: { type: 'boolean', default: false, description: 'Nothing passes' },
  direction: { type: 'string', enum: ['in', 'out', 'both'], default: 'both', description: 'As this server sees it' },
  delayMs: { type: 'integer', minimum: 0, maximum: LIMITS.faultDelayMsMax, default: 0 },
  dropRate: { type: 'number', minimum: 0, maximum: 1, default: 0, description: 'Part of the frames that is lost' },
};
const LinkFault = {
  type: 'object',
  required: ['peer', 'cut', 'direction', 'delayMs', 'dropRate'],
  properties: { peer: { type: 'string', description: 'Name of the peer, or its URL until it was met' }, ...linkFault },
};

export const SCHEMAS = {
  BackupRequest,
  BackupHolds,
  Node,
  Edge,
  Graph,
  GraphList: { type: 'object', required: ['graphs'], properties: { graphs: { type: 'array', items: Graph } } },
  ChangeGraph: {
    type: 'object',
    properties: {
      quota: Quota,
      expiresAfterMs: graphProperties.expiresAfterMs,
      expiresAfterMsByLabel: graphProperties.expiresAfterMsByLabel,
    },
  },
  CreateGraph: { type: 'object', properties: graphProperties },
  CreateNode: { type: 'object', properties: { ...Node.properties, id: { ...Id, description: 'Made if absent' } } },
  PatchNode: {
    type: 'object',
    properties: { labels: labelChange, properties: { ...object, description: PATCH_DOC } },
  },
  CreateEdge: { ...Edge, required: ['type', 'from', 'to'] },
  PatchEdge: { type: 'object', properties: { properties: { ...object, description: PATCH_DOC } } },
  NodePage: page('nodes', Node),
  EdgePage: page('edges', Edge),
  ChangePage: {
    type: 'object',
    required: ['changes', 'since', 'more'],
    properties: {
      changes: {
        type: 'array',
        items: {
          type: 'object',
          required: ['kind', 'change', 'id', 'timeMs', 'replica'],
          properties: {
            kind: { enum: ['node', 'edge'] },
            change: { enum: ['create', 'update', 'delete'] },
            id: text,
            timeMs: integer,
            replica: integer,
            before: { type: ['object', 'null'], description: 'The element before, if it was asked for and is known' },
            after: { type: ['object', 'null'], description: 'The element now, if it was asked for' },
          },
        },
      },
      since: { ...text, description: 'Position after these changes' },
      more: { type: 'boolean', description: 'Whether there was more to read' },
    },
  },
  ShortestPath: {
    type: 'object',
    required: ['path', 'length'],
    properties: {
      path: {
        type: ['object', 'null'],
        properties: { nodes: { type: 'array', items: Node }, edges: { type: 'array', items: Edge } },
      },
      length: { type: ['integer', 'null'], description: 'Number of edges; null without a path' },
    },
  },
  Batch: {
    type: 'object',
    required: ['operations'],
    properties: {
      bookmarks: texts('Session tokens that this batch builds on; as the header `Session-Token`'),
      operations: {
        type: 'array',
        maxItems: LIMITS.batchOperationsMax,
        items: {
          type: 'object',
          required: ['op'],
          properties: {
            op: { type: 'string', enum: [...BATCH_OPERATIONS] },
            id: Id,
            labels: labelChange,
            type: text,
            from: text,
            to: text,
            properties: object,
            detach: { type: 'boolean', default: false },
            ifMatch: condition,
            ifNoneMatch: condition,
          },
        },
      },
    },
  },
  BatchResults: {
    type: 'object',
    required: ['results', 'bookmarks'],
    properties: {
      bookmarks: texts('One session token that covers the batch'),
      results: {
        type: 'array',
        items: {
          type: 'object',
          required: ['op', 'id', 'created'],
          properties: { op: text, id: text, created: { type: 'boolean' }, version: text, node: Node, edge: Edge },
        },
      },
    },
  },
  ImportReport: {
    type: 'object',
    required: ['nodes', 'edges', 'lines'],
    properties: {
      ...counts,
      failed: { type: 'integer', description: 'Bad lines; only with onError=continue' },
      errors: {
        type: 'array',
        maxItems: LIMITS.importErrorsReportedMax,
        items: { type: 'object', properties: { line: integer, code: text, detail: text } },
      },
    },
  },
  Digest: {
    type: 'object',
    required: ['digest', 'partitions'],
    properties: { digest: text, partitions: { type: 'object', additionalProperties: text } },
  },
  Integrity: {
    type: 'object',
    required: [
      'nodes',
      'edges',
      'hiddenEdges',
      'orphanStubs',
      'missingStubs',
      'duplicateEdges',
      'indexDifferences',
      'constraintViolations',
      'found',
      'checked',
      'repaired',
    ],
    properties: {
      nodes: integer,
      edges: integer,
      hiddenEdges: texts('Edges that no reader sees because an endpoint does not exist'),
      orphanStubs: texts('Incoming stubs without a matching edge'),
      missingStubs: texts('Edges without a stub in the partition of their target'),
      duplicateEdges: texts('Edge ids that exist in more than one partition'),
      indexDifferences: {
        type: 'array',
        description: 'Indexes that do not answer what the elements say',
        items: {
          type: 'object',
          required: ['index', 'of'],
          properties: {
            index: { enum: ['label', 'property', 'key', 'adjacency', 'edge-id', 'count'] },
            of: {
              ...text,
              description: 'The label, the label and properties, the direction, the edge id, or what is counted',
            },
            partition: text,
          },
        },
      },
      constraintViolations: {
        type: 'array',
        description: 'Constraints that merged data breaks: how many elements, and their ids, those of one key together',
        items: {
          type: 'object',
          properties: {
            constraint: text,
            elements: integer,
            groups: { type: 'array', items: { type: 'array', items: text } },
          },
        },
      },
      found: {
        type: 'object',
        description: 'How many there are of each kind, named above or not',
        properties: {
          hiddenEdges: integer,
          orphanStubs: integer,
          missingStubs: integer,
          duplicateEdges: integer,
          indexDifferences: integer,
        },
      },
      checked: {
        type: 'object',
        description: 'What was looked through beside nodes and edges',
        properties: { partitions: integer, stubs: integer, constraints: integer },
      },
      repaired: integer,
    },
  },
  Quorum: Quorum,
  Cluster: {
    type: 'object',
    required: ['self', 'members', 'quorum', 'vector'],
    properties: {
      self: { type: 'object', required: ['name', 'replicaId'], properties: { name: text, replicaId: integer } },
      members: { type: 'array', items: Member, description: 'All servers that are known, this one included, by name' },
      quorum: Quorum,
      vector,
    },
  },
  LinkFault,
  LinkFaultChange: {
    type: 'object',
    description: 'What is absent is healthy; one of `cut`, `delayMs` and `dropRate` must be there.',
    properties: linkFault,
  },
  LinkFaults: {
    type: 'object',
    required: ['links'],
    properties: { links: { type: 'array', items: LinkFault } },
  },
  ClockOffset: {
    type: 'object',
    required: ['offsetMs'],
    properties: {
      offsetMs: { type: 'integer', minimum: -LIMITS.clockOffsetMsMax, maximum: LIMITS.clockOffsetMsMax },
    },
  },
  Life: { type: 'object', required: ['alive'], properties: { alive: { const: true } } },
  Health: {
    type: 'object',
    required: ['ready', 'canRead', 'canWrite', 'reasons'],
    properties: {
      ready: { type: 'boolean' },
      canRead: { type: 'boolean' },
      canWrite: { type: 'boolean' },
      reasons: { type: 'array', items: text },
    },
  },
  Query: {
    type: 'object',
    properties: {
      statement: { type: 'string', description: 'openCypher' },
      parameters: { ...object, description: 'By name; plain values, or the typed form of each' },
      statements: {
        type: 'array',
        description: 'Instead of `statement`: they run in order as one transaction',
        items: {
          type: 'object',
          required: ['statement'],
          properties: { statement: text, parameters: object },
        },
      },
      bookmarks: nameList('Session tokens that are waited for'),
      accessMode: { type: 'string', enum: ['READ', 'WRITE'], default: 'WRITE' },
      timeoutMs: { type: 'integer', minimum: 1 },
      maxRows: { type: 'integer', minimum: 1 },
    },
  },
  QueryResult: {
    type: 'object',
    properties: {
      data: {
        type: 'object',
        required: ['fields', 'values'],
        properties: { fields: nameList('Names of the columns'), values: { type: 'array', items: { type: 'array' } } },
      },
      counters: object,
      queryPlan: { ...object, description: 'Of EXPLAIN and PROFILE' },
      results: { type: 'array', description: 'Of a list of statements, one for each', items: object },
      bookmarks: nameList('A session token that covers the answer'),
    },
  },
  RunningQuery: {
    type: 'object',
    required: ['id', 'graph', 'statement', 'startedAt', 'elapsedMs'],
    properties: { id: text, graph: text, statement: text, startedAt: text, elapsedMs: integer },
  },
  RunningQueries: {
    type: 'object',
    required: ['queries'],
    properties: { queries: { type: 'array', items: object } },
  },
  Problem: {
    type: 'object',
    description: 'RFC 9457. Further members carry the context of the error.',
    required: ['type', 'title', 'status', 'detail', 'code', 'definite', 'retryable', 'traceId'],
    properties: {
      type: { type: 'string', description: 'urn:weft:error:CODE' },
      title: text,
      status: integer,
      detail: text,
      code: { $ref: 'ErrorCode#' },
      definite: { type: 'boolean', description: 'true promises that nothing of the operation took effect' },
      retryable: { type: 'boolean', description: 'true: the same request may succeed later' },
      traceId: text,
    },
    additionalProperties: true,
  },
  ErrorCode: {
    type: 'string',
    enum: Object.keys(DOCUMENTED_ERRORS),
    description: Object.entries(DOCUMENTED_ERRORS)
      .map(([code, { status, doc }]) => `- \`${code}\` (${status}): ${doc}`)
      .join('\n'),
  },
} as const;

export type SchemaName = keyof typeof SCHEMAS;
