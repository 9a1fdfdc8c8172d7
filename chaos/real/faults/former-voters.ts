/**
 * Of five voters the two that would lead are taken out, one after the other, and hear nothing of it. Two of the three that are left go on
 * by themselves; the third can be asked by those that were taken out, which were a majority with it. The servers come in the order in
 * which they lead.
 */
import { isOfBallot, kindOf, messageIn } from '../../faults/messages.ts';
import { aimed, Missed, type RealAim } from './real-aim.ts';

type Five = readonly [former: string, follower: string, asked: string, other: string, between: string];

/** Frames that keep a link alive, and commits, which are kept on their own. */
const PASSING: readonly string[] = ['status', 'acknowledge', 'commits'];
/** For an answer to reach its client. */
const ARRIVES_MS = 150;
const OUT_MS_MAX = 10_000;
/** The former gives a ballot up after some two seconds, and begins the next one. */
const PROMISED_MS_MAX = 5_000;
const DECIDED_MS = 1_500;

export const formerVoters = aimed(
  {
    name: 'former-voters',
    about:
      'of five voters two are taken out and do not hear of it, and ask one that is left while the others go on without it',
    servers: 5,
  },
  async (aim, order) => {
    const [former, follower, asked, other, between] = order as Five;
    try {
      aim.part([asked, other], [former, follower]);
      const said = { ofBallots: true };
      const commits = [between, follower].map((from) => aim.keepCommits(from, former));
      aim.tap(between, former, passes(said));
      aim.tap(follower, former, passes({ ofBallots: true }));
      for (const name of [follower, former]) await change(aim, asked, 'DELETE', name);
      aim.note(`${follower} and ${former} were taken out`);
      // What they decide from now on would be decided without those who go on.
      said.ofBallots = false;
      aim.part([asked, other], [between]);
      await aim.sees(asked, other, ({ kind }) => kind === 'settled');
      await aim.wait(ARRIVES_MS);
      aim.note(`${asked} and ${other} decided something`);
      // One that heeds who votes promises nothing.
      const promised = aim
        .sees(between, former, ({ kind }) => kind === 'promised', PROMISED_MS_MAX)
        .then(
          () => true,
          () => false,
        );
      said.ofBallots = true;
      await aim.sees(former, between, ({ kind }) => kind === 'prepare' || kind === 'accept');
      aim.note(`${former} asked ${between} to vote`);
      if (!(await promised)) return;
      // The former needs what the other one holds, and proposes before it has read there who votes.
      for (const { letPass } of commits) letPass();
      aim.note(`${between} promised it something`);
      await aim.wait(DECIDED_MS);
    } finally {
      aim.end();
      for (const name of [former, follower]) await change(aim, asked, 'PUT', name);
    }
  },
);

/** Of all but commits. */
function passes(said: { readonly ofBallots: boolean }): (frame: Uint8Array) => boolean {
  return (frame) => {
    const message = messageIn(frame);
    if (message !== undefined) return said.ofBallots && isOfBallot(message);
    return PASSING.includes(kindOf(frame));
  };
}

/** @throws Missed if it is not decided in time */
async function change({ cluster }: RealAim, asked: string, method: 'PUT' | 'DELETE', name: string): Promise<void> {
  const path = `/v1/cluster/voters/${name}`;
  const isDone = async () => (await cluster.ask(asked, method, path)).status === 200;
  if (!(await cluster.world.until(OUT_MS_MAX, isDone))) throw new Missed(`change of voters: ${method} ${name}`);
}
