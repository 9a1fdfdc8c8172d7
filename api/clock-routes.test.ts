import { afterEach, describe, expect, test } from 'vitest';
import type { ClockFault } from '../src/engine-port.ts';
import { openTestServer, type TestServer } from './server.model.ts';

const CLOCK = '/v1/chaos/clock';

let server: TestServer;
afterEach(() => server.close());

async function begin(): Promise<ClockFault> {
  let offset = 0;
  const clockFault: ClockFault = {
    get offsetMs() {
      return offset;
    },
    shift: (offsetMs) => {
      offset = offsetMs;
    },
  };
  server = await openTestServer({ clockFault });
  return clockFault;
}

describe('chaos: clock', () => {
  test('put wrong, put right -> each is answered and in place', async () => {
    const clock = await begin();
    expect((await server.call('GET', CLOCK)).json).toEqual({ offsetMs: 0 });
    expect((await server.call('PUT', CLOCK, { offsetMs: -5000 })).json).toEqual({ offsetMs: -5000 });
    expect(clock.offsetMs).toBe(-5000);
    expect((await server.call('PUT', CLOCK, { offsetMs: 0 })).json).toEqual({ offsetMs: 0 });
    expect((await server.call('GET', CLOCK)).json).toEqual({ offsetMs: 0 });
  });

  test.each([
    [{}, /`offsetMs` must be a whole number/],
    [{ offsetMs: 0.5 }, /whole number/],
    [{ offsetMs: '5' }, /whole number/],
    [{ offsetMs: 1e14 }, /whole number/],
    [{ offsetMs: 1, zone: 'CET' }, /`zone` is unknown/],
  ])('%j -> refused with what is wrong', async (body, expected) => {
    const clock = await begin();
    const answer = await server.call('PUT', CLOCK, body);
    expect([answer.status, answer.json.code]).toEqual([400, 'invalid-request']);
    expect(answer.json.detail).toMatch(expected);
    expect(clock.offsetMs).toBe(0);
  });

  test('server without --chaos -> there is no such route', async () => {
    server = await openTestServer();
    expect((await server.call('PUT', CLOCK, { offsetMs: 1 })).json.code).toBe('route-not-found');
  });
});
