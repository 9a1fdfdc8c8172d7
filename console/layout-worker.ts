/**
 * The layout of a picture, beside the page: a round over thousands of elements takes longer than a frame may. It goes on whether
 * or not the page keeps up, and answers with where the nodes are by then each time that the page has drawn what it got before.
 */
import DEFAULTS from 'graphology-layout-forceatlas2/defaults.js';
import iterate from 'graphology-layout-forceatlas2/iterate.js';
import type { FromLayout, ToLayout } from './layout-messages.ts';
import { LayoutRounds, placesOf } from './layout-rounds.ts';

/** Milliseconds of rounds until it hears what the page says: as many pictures a second as are seen as a movement. */
const SLICE_MS = 40;

let rounds: LayoutRounds | undefined;
let run = 0;
let isWanted = false;
let isGoing = false;

addEventListener('message', ({ data }: MessageEvent<ToLayout>) => {
  if (data.kind === 'stop') rounds = undefined;
  else if (data.kind === 'begin') {
    const { nodes, edges } = data;
    const settings = { ...DEFAULTS, ...data.settings };
    run = data.run;
    rounds = new LayoutRounds(data.rounds, { round: () => iterate(settings, nodes, edges), nodes });
    isWanted = true;
    if (!isGoing) go();
  } else if (data.run === run) {
    isWanted = true;
    if (!isGoing) answer();
  }
});

function go(): void {
  isGoing = rounds !== undefined && rounds.slice(SLICE_MS, () => performance.now()) > 0;
  if (isWanted) answer();
  // Between two tasks it hears what the page says.
  if (isGoing) setTimeout(go);
}

function answer(): void {
  if (rounds === undefined) return;
  isWanted = false;
  const places = placesOf(rounds.nodes);
  const { left: roundsLeft } = rounds;
  postMessage({ run, places, roundsLeft } satisfies FromLayout, { transfer: [places.buffer] });
  if (roundsLeft === 0) rounds = undefined;
}
