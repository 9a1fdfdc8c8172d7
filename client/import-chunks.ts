/**
 * Elements as bodies of import requests. Not one stream: browsers cannot send any, and a request of limited size can be
 * repeated.
 */
import { printJson } from '../graph/json-values.ts';
import type { ImportElement } from './graph-client-types.ts';

/** Characters of a body, after which the next one begins: large enough for the server to commit in large groups. */
const CHUNK_CHARS = 1024 * 1024;

export interface ImportChunk {
  /** From 0. */
  readonly number: number;
  readonly body: string;
  /** False if it holds an edge without an id, of which a repetition makes another. */
  readonly isRepeatable: boolean;
}

export async function* importChunks(
  elements: Iterable<ImportElement> | AsyncIterable<ImportElement>,
): AsyncGenerator<ImportChunk> {
  let number = 0;
  let body = '';
  let isRepeatable = true;
  for await (const element of elements) {
    body += `${lineOf(element)}\n`;
    if (element.id === undefined) isRepeatable = false;
    if (body.length < CHUNK_CHARS) continue;
    yield { number: number++, body, isRepeatable };
    body = '';
    isRepeatable = true;
  }
  if (body !== '') yield { number, body, isRepeatable };
}

function lineOf(element: ImportElement): string {
  if (element.kind === 'node') {
    const { id, labels, properties } = element;
    return printJson({ type: 'node', id, labels, properties });
  }
  const { id, type, from, to, properties } = element;
  return printJson({ type: 'relationship', id, label: type, properties, start: { id: from }, end: { id: to } });
}
