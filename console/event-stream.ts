/** Events that a server sends as they happen. `EventSource` is not used: it takes no token. */

export interface StreamEvent {
  readonly kind: string;
  readonly data: string;
  /** Position to go on from, where the event has one. */
  readonly id?: string;
}

/** Reads to the end of the stream. Closing it, or aborting the request, ends the request. */
export async function* readEvents(answer: Response): AsyncGenerator<StreamEvent, void, void> {
  if (answer.body === null) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (text + value).split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) yield parseEvent(block);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function parseEvent(block: string): StreamEvent {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const colon = line.indexOf(': ');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2));
  }
  const id = fields.get('id');
  return { kind: fields.get('event') ?? 'message', data: fields.get('data') ?? '', ...(id !== undefined && { id }) };
}
