/** The report of a run as one page that needs nothing else: no script, no font, no other file. */
import type { GuaranteeVerdict, RunVerdict } from '../judge.ts';
import type { RunRecord } from '../run-record.ts';
import { draw, latencies, ofSamples, throughput } from './charts.ts';
import { STYLE } from './style.ts';
import { escaped, type Span } from './svg.ts';
import { timeline } from './timeline.ts';
import { violation } from './violation.ts';

const WORDS = {
  valid: 'Every promise that was looked at held.',
  invalid: 'A promise was broken. The evidence is below.',
  unknown: 'Nothing wrong was seen, but not everything could be judged. That is no pass.',
} as const;

export function reportPage(run: RunRecord, verdict: RunVerdict): string {
  const { scenario, plant, startedAt, seconds, operations, faultEvents, guarantees } = verdict;
  const { facts } = run;
  const span = spanOf(run);
  const { ok, fail, info } = operations;
  const broken = guarantees.filter((each) => each.verdict === 'invalid');
  const chart = (...args: Parameters<typeof ofSamples> extends [unknown, ...infer Rest] ? Rest : never) =>
    draw(run, span, ofSamples(run, ...args));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(scenario)}: ${verdict.verdict}</title><style>${STYLE}</style></head><body>
<header class="${verdict.verdict}"><h1>${escaped(scenario)} <span>${verdict.verdict}</span></h1>
<p>${escaped(facts.scenario.about)}</p><p><strong>${WORDS[verdict.verdict]}</strong></p>
<p>${facts.scenario.servers} servers, ${seconds} s in all, begun ${escaped(startedAt)}, seed ${facts.seed}; between servers
${escaped(facts.net === undefined ? 'proxies' : `${facts.net.kind} (${facts.net.has.join(', ')})`)}. ${ok} requests ok,
${fail} failed for certain, ${info} with unknown outcome; ${faultEvents} faults that were seen to happen.
${plant === undefined ? '' : `<strong>The bug <code>${escaped(plant)}</code> was switched on in all servers.</strong>`}</p></header>
<h2>Promises</h2>${verdictTable(guarantees)}
${broken.length === 0 ? '' : `<h2>What went wrong</h2>${broken.map((each) => violation(run, each)).join('')}`}
<h2>What clients did</h2>
<p>A row for each client. <b class="key ok"></b> answered, <b class="key fail"></b> failed and did not happen,
<b class="key info"></b> outcome unknown, <b class="key fault"></b> a fault is in place. Point at a mark to see what it was.</p>
${timeline(run, span)}
<h2>How they were served</h2><h3>Requests a second</h3>${throughput(run, span)}${draw(run, span, latencies(run, span))}
<h2>How the servers were</h2>
${chart('Commits that some peer was not known to have', 'commits', ({ metrics }) => metrics?.weft_peer_lag_commits)}
${chart('Commits held until what they build on is here', 'commits', ({ metrics }) => metrics?.weft_remote_commits_held)}
${chart('Memory of the process', 'MB', ({ memoryBytes }) => (memoryBytes === undefined ? undefined : memoryBytes / 1e6))}
${chart('Disk', 'MB', ({ diskBytes }) => (diskBytes === undefined ? undefined : diskBytes / 1e6))}
${chart('Open files', '', ({ openFiles }) => openFiles)}
<h2>Faults</h2>${faultTable(run)}
<h2>Scenario</h2><pre>${escaped(JSON.stringify(facts.scenario, undefined, 2))}</pre>
</body></html>
`;
}

function spanOf({ entries, samples }: RunRecord): Span {
  const work = entries.find((entry) => entry.type === 'phase' && entry.phase === 'work');
  const last = entries.reduce((latest, { atMs }) => Math.max(latest, atMs), samples.at(-1)?.atMs ?? 0);
  return { fromMs: work?.atMs ?? 0, toMs: last };
}

function verdictTable(guarantees: readonly GuaranteeVerdict[]): string {
  const rows = guarantees.map(({ checker, promise, verdict, why, judged, figures }) => {
    const shown = Object.entries(figures).map(([name, value]) => `${name}: ${value}`);
    const reason = verdict === 'unknown' && why !== undefined ? `<div class="why">${escaped(why)}</div>` : '';
    const details = shown.length === 0 ? '' : `<div class="figures">${shown.map(escaped).join('<br>')}</div>`;
    return `<tr class="${verdict}"><td>${verdict}</td><td>${escaped(checker)}</td><td>${escaped(promise)}${reason}${details}</td><td>${judged}</td></tr>`;
  });
  return `<table><tr><th>verdict</th><th>checker</th><th>promise</th><th>judged</th></tr>${rows.join('')}</table>`;
}

function faultTable({ faults, facts }: RunRecord): string {
  if (faults.length === 0 && facts.impossible.length === 0)
    return '<p>None: this run shows how things are in peace.</p>';
  const seconds = (ms: number | undefined) => (ms === undefined ? '' : (ms / 1_000).toFixed(1));
  const rows = faults.map(({ begin, end }) => {
    const evidence = end?.evidence ?? 'not seen to happen';
    return `<tr><td>${seconds(begin.atMs)}</td><td>${seconds(end?.atMs)}</td><td>${escaped(begin.kind)}</td><td>${escaped(begin.what)}</td><td>${escaped(evidence)}</td></tr>`;
  });
  const not = facts.impossible.map((why) => `<p class="why">Not possible here: ${escaped(why)}</p>`).join('');
  return `${not}<table><tr><th>from, s</th><th>to, s</th><th>fault</th><th>what</th><th>what shows it</th></tr>${rows.join('')}</table>`;
}
