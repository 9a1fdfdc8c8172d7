/** Every limit in one place, with its unit and the reason for its size; a page gets only those that it uses. */

/** UTF-8 bytes of an id, label, type or property name: LevelDB keys and URLs stay short. */
export const nameBytesMax = 1024;
/** Nesting of lists and maps in a value: far above honest data, far below the stack. */
export const valueDepthMax = 32;
/** Encoded characters of one element patch: one element must not dominate a partition. */
export const patchCharsMax = 1_000_000;
/** Labels of one node. */
export const labelsMax = 256;
/** Properties of one element. */
export const propertiesMax = 1024;
/** Operations in one batch: bounds the time that a commit holds the loop. */
export const batchOperationsMax = 10_000;
/** Bytes of a request body other than an import, which streams. */
export const bodyBytesMax = 16 * 1024 * 1024;
/** Bytes of one NDJSON line. */
export const importLineBytesMax = 4 * 1024 * 1024;
/** Bad lines that an import with `onError=continue` reports in full; the rest is counted. */
export const importErrorsReportedMax = 1000;
/** Elements of one page of a list. */
export const pageItemsMax = 10_000;
/** Default page size. */
export const pageItemsDefault = 100;
/** Hops of a neighbourhood or path search. */
export const depthMax = 100;
/** Nodes that one neighbourhood or path search may visit before it is refused. */
export const visitedNodesMax = 5_000_000;
/** Hash partitions of a graph. */
export const partitionsMax = 4096;
/** Hash partitions of a graph that does not say. */
export const partitionsDefault = 16;
/** Commits that wait for the store, in bytes of patches: beyond it writers get 429. */
export const pendingBytesMax = 256 * 1024 * 1024;
/** Patch characters in one group commit: bounds the size of a LevelDB batch and the latency of its fsync. */
export const groupCharsMax = 8 * 1024 * 1024;
/** Bytes of updates in the commit log beyond which partitions are snapshotted and the log is cut. */
export const logBytesMax = 128 * 1024 * 1024;
/**
 * Bytes of updates in the commit log beyond which it is cut though a voter lacks some of it, or the next incremental backup
 * does. Such a voter takes over the state of a server instead of the commits, which costs more than this much log.
 */
export const logBytesHardMax = 1024 * 1024 * 1024;
/** Names under which the log is kept for the next incremental backup: one for each timer that makes backups. */
export const backupHoldsMax = 16;
/** Characters of such a name. */
export const backupHoldNameCharsMax = 100;
/** Positions in the log whose vectors are remembered: some thousands cover the longest log. */
export const logMarksMax = 4096;
/** Remembered results of requests with an Idempotency-Key. */
export const idempotencyKeysMax = 100_000;
/** Characters of the result of a query that is kept for its Idempotency-Key: it travels with what the query wrote. */
export const outcomeCharsMax = 256 * 1024;
/** Characters of what a write answers, as it is kept for its Idempotency-Key and sent by a coordinator: more than the largest body takes. */
export const resultsCharsMax = 32 * 1024 * 1024;
/** How often results that were kept with strong writes are looked through for old ones, in milliseconds. */
export const outcomeExpiryMs = 60 * 60 * 1000;
/** How long after an element expired it is deleted, in milliseconds: an extension that was written in time has so long to arrive. */
export const expiryGraceMs = 60 * 60 * 1000;
/** The longest time to live that a graph gives to its elements, in milliseconds: what lives longer is kept for good. */
export const lifeMsMax = 10 * 365 * 24 * 60 * 60 * 1000;
/** Labels and types with a time to live of their own. */
export const lifeLabelsMax = 1000;
/** How often a server with hidden elements looks for those to delete, in milliseconds. */
export const expiryPurgeMs = 60 * 1000;
/** Elements that one step of it deletes: bounds how long it holds the loop. */
export const expirySliceElements = 500;
/** Other requests that a span names which share its work: enough to see that they do. */
export const spanLinksMax = 64;
/** Traces that are known of commits which are on their way in: some more than there are commits in flight. */
export const tracesExpectedMax = 4096;
/** How long such a result is remembered, in milliseconds. */
export const idempotencyTtlMs = 24 * 60 * 60 * 1000;
/** Bytes of received commits that wait for the store: beyond it their senders must. */
export const receivedBytesMax = 64 * 1024 * 1024;
/** What one round of the group commit takes of them, in commits and in bytes: bounds how long it holds the loop. */
export const receivedRoundCommits = 1000;
export const receivedRoundBytes = 1024 * 1024;
/** Groups of elements that break a constraint which a report names: enough to begin repairing. */
export const violationGroupsMax = 1000;
/** How often partitions that others write to while they are not in memory are counted again for a quota, in milliseconds. */
export const usageRecountMs = 10_000;
/** Rows that an integrity check looks at before others have a turn: some milliseconds. */
export const integritySliceRows = 2000;
/** Ids of each kind that its report names, and those of a caller who does not say. */
export const integrityIdsMax = 10_000;
export const integrityIdsDefault = 1000;
/** Keys of a unique constraint that it holds at a time: more are looked through in several passes. */
export const integrityKeysMax = 500_000;
/** Elements of one key that it looks at again in one step: their partitions are all in memory meanwhile. */
export const integrityGroupMax = 32;
/** How long a request waits for this replica to reach its session token, in milliseconds: a few round trips. */
export const sessionWaitMs = 2_000;
/** Requests that wait so at a time: more would only queue for the same commits. */
export const sessionWaitersMax = 10_000;
/** How long a group of writes, or a round of strong ones, waits for those whom the last one answered, in milliseconds. */
export const gatherMsMax = 10;
/** So many these must have been. */
export const gatherMin = 8;
/** How long a strong request waits for a majority, in milliseconds: a fail-over and a few rounds. */
export const strongWaitMs = 5_000;
/** Voters: more only make every round slower, and seven survive the loss of any three. */
export const votersMax = 9;
/** Strong requests of one graph that wait at a time, and how many one round decides. */
export const strongQueueMax = 10_000;
export const strongBatchMax = 1_000;
/** After how many milliseconds a coordinator repeats a question that a voter has not answered. */
export const strongResendMs = 200;
/** The longest pause of a coordinator that lost a ballot to another one, in milliseconds. */
export const strongBackoffMsMax = 500;
/** Characters of a session token: some hundred servers. */
export const sessionTokenCharsMax = 4096;
/** Clock numbers of one writer in one partition: at a million a second they last eight years. */
export const structClockMax = 2 ** 48;
/** How far a foreign stamp may lie ahead of the local wall clock, in milliseconds. */
export const clockDriftMsMax = 60_000;
/** How long tombstones are kept, in milliseconds; a replica away longer re-seeds. */
export const tombstoneRetentionMs = 30 * 24 * 60 * 60 * 1000;
/** Bytes of one frame between servers: what somebody who has proved nothing can make us buffer. */
export const frameBytesMax = 2 * 1024 * 1024;
/** Bytes of a message that travels in fragments: holds the largest commit. */
export const messageBytesMax = 256 * 1024 * 1024;
/** Bytes of commits that are in flight to one peer: a few round trips of a fast link. */
export const linkWindowBytes = 4 * 1024 * 1024;
/** Bytes that wait to be sent to one peer, beyond which nothing is added: a window of commits, and as much of all else. */
export const linkWaitingBytesMax = 8 * 1024 * 1024;
/** Bytes of the last commits that are kept in memory, so that peers that keep up need no disk. */
export const commitTailBytesMax = 16 * 1024 * 1024;
/** Bytes of commits of one peer that came and were not decoded, beyond which they are: two windows. */
export const undecodedBytesMax = 8 * 1024 * 1024;
/** Bytes and number of received commits that wait for others which they build on; what has no room is sent again. */
export const heldBytesMax = 64 * 1024 * 1024;
export const heldCommitsMax = 100_000;
/** Marks of a stream that tell how far tombstones are known to all voters; fewer make them wait longer. */
export const horizonMarksMax = 256;
/** Partitions of a state transfer, and bytes of one: what a peer can make us remember. */
export const statePartitionsMax = 1_000_000;
export const stateBytesMax = 1024 * 1024 * 1024;
/** Bytes of one block of a LevelDB table, unpacked: it ends with the row that fills it, and no row is as large as this. */
export const tableBlockBytesMax = 1024 * 1024 * 1024;
/** Damaged tables whose originals are kept when they are mended: enough to look at, a quarter of a gigabyte at most as a rule. */
export const damagedTablesKept = 128;
/** Ranges of keys that are known to be lost; beyond it neighbours are taken together, so that more counts as lost. */
export const lostRangesMax = 1000;
/** Cuts of a store that are open at a time: each keeps on disk what was deleted since. One for each link, backups and exports. */
export const storeCutsMax = 32;
/** How long the reader of a query's rows may take nothing before its connection goes, in milliseconds. */
export const queryStallMsMax = 300_000;
/** How long the reader of an export may take nothing before its moment is let go of, in milliseconds. */
export const exportStallMsMax = 300_000;
/** How long a peer may make one state for us, and say so each time it is asked, in milliseconds. */
export const statePendingMsMax = 300_000;
/** How long a server that takes over our state may ask for nothing before its cut is let go of, in milliseconds. */
export const stateIdleMsMax = 60_000;
/** Bytes of one record of a backup: the state of a partition, with its tail. */
export const backupRecordBytesMax = 2 ** 32 - 1;
/** How long a connection to another server may take to open, in milliseconds. */
export const dialMsMax = 5_000;
/** How long a connection that was accepted may take to say whose it is, in milliseconds. */
export const identifyMsMax = 10_000;
/** How often the token of an open WebSocket is looked at, in milliseconds: as often as files of tokens are read. */
export const tokenLookMs = 5_000;
/** Accepted connections of nobody in particular: far more than servers that start at once, cheap to hold. */
export const unidentifiedLinksMax = 64;
/** How long the other side may take to confirm that a link closes, in milliseconds. */
export const closeMsMax = 1_000;
/** WebSockets of clients that may be open: each holds some kilobytes. */
export const socketsMax = 10_000;
/** Requests of one session channel that are under way: more get 429. */
export const channelRequestsMax = 1_000;
/** Bytes of these, a few of the largest: more get 429. */
export const channelRequestBytesMax = 4 * bodyBytesMax;
/** Bytes that wait to be sent on a channel before its client is read no further and its streams pause. */
export const channelBufferBytes = 1024 * 1024;
/** How long the requests of one message may keep others waiting, in milliseconds, before those have a turn. */
export const channelTurnMs = 10;
/** Bytes of answers that share one message: enough to make the price of a message small. */
export const channelMessageBytes = 64 * 1024;
/** How often they are asked for a sign of life, in milliseconds: one that is gone is dropped at the second beat. */
export const socketBeatMs = 20_000;
/** Readers that wait for changes at a time: each wakes with every commit. */
export const changeReadersMax = 1000;
/** How long a request for changes may wait for some, in milliseconds: below what proxies bear. */
export const changeWaitMsMax = 60_000;
/** Bytes of partitions that an export holds from their nodes to their edges: beyond, they are read twice. */
export const exportHeldBytesMax = 32 * 1024 * 1024;
/** How long a stream of changes may find no room before its reader is cut off, in milliseconds. */
export const changeStallMsMax = 30_000;
/** Session tokens that one request may present: a client that talks to more servers joins what they answered. */
export const sessionTokensMax = 64;
/** Delay that a fault may put on a link, in milliseconds: longer is a cut. */
export const faultDelayMsMax = 60_000;
/** How far a clock may be put wrong on purpose, in milliseconds: a year is as wrong as any. */
export const clockOffsetMsMax = 365 * 24 * 60 * 60 * 1000;
/** Bytes that wait to be sent to an offline replica: one that reads slower is closed, and comes back for the difference. */
export const syncBufferedBytesMax = 64 * 1024 * 1024;
/** Bytes of batches of one offline replica that wait to be durable here, beyond which it is read no further. */
export const syncWaitingBytesMax = 32 * 1024 * 1024;
/** How long a replica that must begin anew looks for a server that lacks nothing of what it knew, in milliseconds: one that lags has it by then, or never. */
export const refetchPatienceMs = 120_000;
/** Partitions and scopes that one replica opens: far more than a person works in. */
export const syncPartitionsMax = 10_000;
/** Characters that a text begins with, or is set to: with its escapes it fits into a patch. */
export const textCharsMax = 100_000;
/** Changes of one text, and their bytes, which are kept as long as the text: some hours of typing. */
export const textChangesMax = 10_000;
export const textHistoryBytesMax = 1024 * 1024;
/** Bytes that wait to be sent to a stock Yjs client: one that reads slower is closed, and comes back for the difference. */
export const yjsBufferedBytesMax = 16 * 1024 * 1024;
/** Bytes of what a stock Yjs client writes at once, and that wait to be written: in base 64 it fits into a patch. */
export const yjsUpdateBytesMax = 512 * 1024;
export const yjsWaitingBytesMax = 4 * 1024 * 1024;
/** Stock Yjs clients of one partition: each awareness change goes to all of them. */
export const yjsClientsMax = 500;
/** Characters of the awareness state of one client (name, colour, cursor), and states of one connection. */
export const yjsAwarenessCharsMax = 16 * 1024;
export const yjsAwarenessStatesMax = 8;
/** States that are remembered, those of clients that left included, so that their echoes are known. */
export const yjsAwarenessKnownMax = 4096;
/** After how long a stock Yjs client hears something, in milliseconds: it gives up after 30 seconds of silence. */
export const yjsBeatMs = 10_000;
/** Characters of the text of a query: beyond it, data belongs into parameters. */
export const queryCharsMax = 1_000_000;
/** Nesting of expressions, patterns and sub-queries in a text: far above honest queries, far below the stack. */
export const queryDepthMax = 200;
/** Operators that follow each other without brackets, clauses of a query, and nodes that one of them seeks: each is a level of its plan. */
export const queryChainMax = 1000;
/** Plans that are kept by the text of their query: an application has some hundred texts. */
export const plansKeptMax = 1000;
/** Values that one statement may hold in memory at a time, sorted or grouped rows and what it wrote: some hundred MB. */
export const queryHeldValuesMax = 10_000_000;
/** Characters of a text that an expression makes. */
export const queryTextCharsMax = 10_000_000;
/** Part of the heap, and of the container's memory, that must be free: below it requests are turned away, so that those under way can end. */
export const heapReservePart = 0.08;
/** Bytes of the disk that must be free for writes, or the part of a small disk: room for what is under way and for peers. */
export const diskReserveBytes = 64 * 1024 * 1024;
export const diskReservePart = 0.05;
/** Bytes of all headers of a request: a URL of the longest names, and a token. */
export const headerBytesMax = 32 * 1024;
/** How long the headers of a request may take to arrive, in milliseconds. */
export const headersMsMax = 15_000;
/** Open connections of all clients: beyond it new ones are closed, so that the files of the store still open. */
export const connectionsMax = 20_000;
/** Principals whose rate is remembered. */
export const ratedPrincipalsMax = 10_000;
/** Statements that run at a time: each may hold memory, and they share one thread. */
export const runningQueriesMax = 200;
/** How long queries may go on once the server was told to stop, in milliseconds: less than until connections are cut. */
export const stopQueriesMs = 8_000;
/** Characters of a token that a file holds as it is: shorter ones can be guessed. */
export const tokenCharsMin = 16;
/** Listed tokens: each is compared with every request. Beyond it, an identity provider is meant. */
export const staticTokensMax = 1000;
/** Grants of one principal, and graphs or scopes that one grant lists. */
export const grantsMax = 100;
export const grantNamesMax = 10_000;
/** Characters of a JSON Web Token: fits into the headers that Node takes. */
export const webTokenCharsMax = 12_000;
/** Pages that are read to fill one for somebody who may not see all of them: bounds the work of one request. */
export const filteredPagesMax = 100;
/** Keys of a JWK Set, and bytes of a shared secret among them: as many as HS256 has. */
export const webTokenKeysMax = 100;
export const webTokenSecretBytesMin = 32;
/** Verified JSON Web Tokens that are remembered until they expire. */
export const webTokensKeptMax = 10_000;
