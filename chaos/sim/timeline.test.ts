import { describe, expect, test } from 'vitest';
import { MachineClock, SimProcess } from './process.ts';
import { SimRandom } from './random.ts';
import { Timeline } from './timeline.ts';
import { Trace } from './trace.ts';

function world() {
  const thrown: unknown[] = [];
  const timeline = new Timeline(new Trace(), (error) => thrown.push(error));
  const clock = new MachineClock(timeline, 1_000, 0);
  const process = new SimProcess({ timeline, name: 'a', clock, random: new SimRandom(1), onLog: () => undefined });
  const heard: string[] = [];
  const say = (what: string) => () => void heard.push(`${what} at ${timeline.nowMs}`);
  const run = (untilMs: number) => timeline.run({ untilMs, isDone: () => false });
  return { timeline, clock, process, heard, say, run, thrown };
}

describe('timeline', () => {
  test('events: given out of order -> run by time, then by order; a cancelled one does not', async () => {
    const { timeline, heard, say, run } = world();
    timeline.after(5, say('b'));
    timeline.after(1, say('a'));
    timeline.after(5, say('c'));
    timeline.after(3, say('x')).cancel();
    for (let i = 0; i < 100; i++) timeline.after(100 - i, () => undefined);
    await run(50);
    expect(heard).toEqual(['a at 1', 'b at 5', 'c at 5']);
    expect(timeline.nowMs).toBe(50);
  });

  test('promises: a chain of a thousand awaits -> over before the next event', async () => {
    const { timeline, heard, say, run } = world();
    timeline.after(1, () => {
      (async () => {
        for (let i = 0; i < 1_000; i++) await undefined;
        say('chain')();
      })();
    });
    timeline.after(1, say('next'));
    await run(2);
    expect(heard).toEqual(['chain at 1', 'next at 1']);
  });

  test('event throws -> told, and the others go on', async () => {
    const { timeline, heard, say, run, thrown } = world();
    timeline.after(1, () => {
      throw new Error('bad');
    });
    timeline.after(2, say('next'));
    await run(3);
    expect(thrown).toEqual([new Error('bad')]);
    expect(heard).toEqual(['next at 2']);
  });
});

describe('simulated process', () => {
  test('killed -> none of its events runs, and who asked is told', async () => {
    const { timeline, process, heard, say, run } = world();
    process.after(5, say('timer'));
    process.env.scheduler.yield().then(say('yield'));
    process.onDeath(say('death'));
    timeline.after(0, () => undefined);
    process.kill();
    process.after(1, say('late timer'));
    await run(10);
    expect(heard).toEqual(['death at 0']);
  });

  test('paused -> its events wait, in order; one that is cancelled after the pause does not run', async () => {
    const { timeline, process, heard, say, run } = world();
    process.pause();
    const timer = process.after(3, say('cancelled'));
    process.after(1, () => {
      say('first')();
      timer.cancel();
    });
    process.after(2, say('second'));
    timeline.after(20, () => process.resume());
    await run(30);
    expect(heard).toEqual(['first at 20', 'second at 20']);
    expect(process.pausedMs).toBe(20);
  });

  test('wall clock: skew, drift and correction -> monotonic time knows nothing of it', async () => {
    const { clock, process, run } = world();
    const read = () => [process.env.clock.wallMs(), process.env.clock.monotonicMs()];
    await run(100);
    expect(read()).toEqual([1_100, 100]);
    clock.skewMs = -500;
    expect(read()).toEqual([600, 100]);
    clock.setDrift(1);
    await run(200);
    expect(read()).toEqual([800, 200]);
    clock.correct();
    await run(300);
    expect(read()).toEqual([1_300, 300]);
  });
});
