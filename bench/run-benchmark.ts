/** Runs the one benchmark that it is told to and sends what it reports to the parent process. */
import { BENCHMARKS } from './benchmarks.ts';
import { calibrationMs } from './measure.ts';
import type { Report } from './report.ts';
import { settings } from './settings.ts';

const send = (report: Report) => {
  process.send?.(report);
};

function calibrate(): void {
  send({ kind: 'calibration', ms: Math.min(calibrationMs(), calibrationMs(), calibrationMs()) });
}

const benchmark = BENCHMARKS.find(({ name }) => name === process.argv[2]);
if (benchmark === undefined) throw new Error(`there is no benchmark ${process.argv[2]}`);
const { quick } = settings();
calibrate();
await benchmark.run({
  quick,
  figure: (figure) => send({ kind: 'figure', figure }),
  remark: (text) => send({ kind: 'remark', text }),
});
calibrate();
// Reports are on their way through the channel, which closes once they are sent. An engine that was not closed has timers.
process.once('disconnect', () => process.exit());
process.disconnect?.();
