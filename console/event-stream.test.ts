import { expect, test } from 'vitest';
import { readEvents } from './event-stream.ts';

test('event stream: pieces that end anywhere, in the middle of a letter too -> whole events, in order', async () => {
  const bytes = new TextEncoder().encode(
    'id: 1\nevent: open\ndata: {}\n\nevent: change\ndata: {"id":"Skarvøy"}\n\nid: 2\nevent: change\ndata: {"a: b":1}\n\ncut',
  );
  for (const size of [1, 3, 1000]) {
    const pieces = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start(controller) {
        for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
        controller.close();
      },
    });
    const events = [];
    for await (const event of readEvents(new Response(pieces))) events.push(event);
    expect(events).toEqual([
      { kind: 'open', data: '{}', id: '1' },
      { kind: 'change', data: '{"id":"Skarvøy"}' },
      { kind: 'change', data: '{"a: b":1}', id: '2' },
    ]);
  }
});
