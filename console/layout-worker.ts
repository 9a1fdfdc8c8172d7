/**
 * The layout of a picture, beside the page: a round over thousands of elements takes longer than a frame may. It answers after
 * a few rounds and goes on when the page has drawn them, so that nothing piles up while the page is busy.
 */
import DEFAULTS from 'graphology-layout-forceatlas2/defaults.js';
import iterate from 'graphology-layout-forceatlas2/iterate.js';
import type { FromLayout, ToLayout } from './layout-messages.ts';
import { LayoutRounds, placesOf } from './layout-rounds.ts';

/** Milliseconds of rounds between two answers: as many pictures a second as are seen as a movement. */
const SLICE_MS = 40;

let rounds: LayoutRounds | undefined;
let run = 0;

addEventListener('message', ({ data }: MessageEvent<ToLayout>) => {
  if (data.kind === 'stop') rounds = undefined;
  if (data.kind === 'begin') {
    const { nodes, edges } = data;
    const settings = { ...DEFAULTS, ...data.settings };
    run = data.run;
    rounds = new LayoutRounds(data.rounds, { round: () => iterate(settings, nodes, edges), nodes });
  }
  if (rounds === undefined || data.kind === 'stop' || data.run !== run) return;
  const roundsLeft = rounds.slice(SLICE_MS, () => performance.now());
  const places = placesOf(rounds.nodes);
  const answer: FromLayout = { run, places, roundsLeft };
  postMessage(answer, { transfer: [places.buffer] });
  if (roundsLeft === 0) rounds = undefined;
});
