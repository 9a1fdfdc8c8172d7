/**
 * Of five voters the two that would lead are taken out, one after the other, and hear nothing of it: two of the three that are left
 * go on by themselves, and the third can be asked by those that were taken out, which were a majority with it.
 */
import type { VoterChange } from '../../src/engine-port.ts';
import type { Cluster, Server } from '../cluster.ts';
import { type Aim, aimed } from './aim.ts';
import { isOfBallot, kindOf, messageIn } from './messages.ts';
import { change } from './voters.ts';

type Five = readonly [former: Server, follower: Server, asked: Server, other: Server, between: Server];

/** Frames that keep a link alive. */
const SIGNS: readonly string[] = ['status', 'acknowledge'];
const LOOK_MS = 20;
const DECIDED_MS = 2_000;

export const formerVoters = aimed(
  { name: 'former-voters', everyMs: 1_500, lastsMs: 12_000, servers: 5 },
  (aim, order) => {
    const [former, follower, asked, other, between] = order as Five;
    const { cluster } = aim;
    aim.part([asked, other], [former, follower]);
    const news = { arrives: false };
    for (const from of [between, follower]) aim.tap([from, former], keepsNews(news));
    void takeOut(aim, asked, [follower, former]).then((isOut) => {
      if (!isOut) return;
      aim.part([asked, other], [between]);
      // Who was taken out asks for what it lacks as soon as it was promised something, and proposes before it reads that.
      aim.tap([between, former], (frame) => {
        if (!news.arrives && messageIn(frame)?.kind === 'promised') {
          news.arrives = true;
          aim.endAfter(DECIDED_MS);
        }
        return keepsNews(news)(frame);
      });
    });
    aim.finally(() => void takeIn(cluster, asked, [former, follower]));
  },
);

function keepsNews(news: { readonly arrives: boolean }): (frame: Uint8Array) => boolean {
  return (frame) => {
    const kind = kindOf(frame);
    const message = messageIn(frame);
    if (message !== undefined) return isOfBallot(message);
    return SIGNS.includes(kind) || (news.arrives && kind === 'commits');
  };
}

async function takeOut(aim: Aim, asked: Server, servers: readonly Server[]): Promise<boolean> {
  const { cluster } = aim;
  for (const { name } of servers) {
    while (!aim.isOver && asked.engine?.quorum().voters.includes(name) === true) {
      await ask(cluster, asked, { kind: 'remove', name });
      await cluster.timeline.sleep(LOOK_MS);
    }
  }
  return !aim.isOver;
}

async function takeIn(cluster: Cluster, asked: Server, servers: readonly Server[]): Promise<void> {
  for (const { name } of servers) await ask(cluster, asked, { kind: 'add', name });
}

function ask(cluster: Cluster, asked: Server, to: VoterChange): Promise<void> {
  return change(cluster, `${asked.name}: ${to.kind} ${to.name}`, () =>
    cluster.ask(asked, (engine) => engine.changeVoters(to)),
  );
}
