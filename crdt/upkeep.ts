/** What a server drafts on its own behalf: it deletes what has expired, and mends what an integrity check found. */
import type { Draft } from './draft.ts';
import { hasStub, isOrphan } from './stub-match.ts';

/** Deletes an expired node with its edges. False if it has not expired. */
export function purgeNode(draft: Draft, ordinal: number): boolean {
  return draft.endExpired(draft.overlay.node(draft.view.nodes.ids[ordinal] as string));
}

/** Deletes an expired edge. False if it has not expired. */
export function purgeEdge(draft: Draft, ordinal: number): boolean {
  const edge = draft.overlay.edgeOf(ordinal);
  if (!edge.expired || !edge.element.exists) return false;
  draft.removeEdge(edge);
  return true;
}

/** Deletes an existing edge if an endpoint is missing; writes its stub again if that is missing. */
export function repairEdge(draft: Draft, ordinal: number): boolean {
  const { overlay } = draft;
  const edge = overlay.edgeOf(ordinal);
  if (!edge.element.exists) return false;
  const { id, type, from, to } = edge;
  // What has expired is there until it is purged: an extension may be on its way.
  const isThere = (end: string) => overlay.node(end).visible || overlay.node(end).expired;
  if (!isThere(from) || !isThere(to)) {
    draft.removeEdge(edge);
    return true;
  }
  if (hasStub(draft.view, ordinal)) return false;
  draft.emit(overlay.node(to).home, { kind: 'stub-create', ...draft.stamp(), id, type, from, to });
  return true;
}

/** Writes an update of an edge that changes nothing, with which its locator is written again. False if it does not exist. */
export function repairLocator(draft: Draft, ordinal: number): boolean {
  const { id, home, element } = draft.overlay.edgeOf(ordinal);
  if (element.exists) draft.emit(home, { kind: 'edge-update', ...draft.stamp(), id, properties: {} }, true);
  return element.exists;
}

/** Deletes a stub whose edge does not exist or ends elsewhere. Its source partition must be open. */
export function repairStub(draft: Draft, ordinal: number): boolean {
  if (!isOrphan(draft.view, ordinal)) return false;
  const { id, from, to } = draft.view.stubEnds(ordinal);
  draft.emit(draft.overlay.node(to).home, { kind: 'stub-delete', ...draft.stamp(), id, from });
  return true;
}
