/** From what a run left to its verdict: each guarantee on its own, and the run as a whole. */
import type { Verdict } from '../checkers/verdict.ts';
import { REAL_CHECKERS } from './checkers/all.ts';
import type { NetKind } from './net/net.ts';
import type { RunRecord } from './run-record.ts';
import { WORKLOADS } from './workloads/all.ts';

export interface GuaranteeVerdict {
  readonly checker: string;
  readonly promise: string;
  readonly verdict: Verdict['kind'];
  /** Evidence against it, or why it is not known. */
  readonly why?: string;
  /** Operations, answers or states that were looked at. */
  readonly judged: number;
  readonly figures: Readonly<Record<string, number | string>>;
}

export interface RunVerdict {
  readonly scenario: string;
  readonly plant?: string;
  readonly net: NetKind;
  readonly startedAt: string;
  readonly seconds: number;
  readonly verdict: Verdict['kind'];
  readonly operations: { readonly ok: number; readonly fail: number; readonly info: number };
  readonly faultEvents: number;
  readonly guarantees: readonly GuaranteeVerdict[];
}

export function judgeRun(run: RunRecord): RunVerdict {
  const { facts, operations, faults, entries } = run;
  const wanted = checkersOf(run);
  const guarantees = REAL_CHECKERS.filter(({ name }) => wanted.has(name)).map((checker): GuaranteeVerdict => {
    const { verdict, judged, figures = {} } = checker.check(run);
    const { name, promise } = checker;
    if (verdict.kind === 'valid' && judged === 0) {
      return { checker: name, promise, verdict: 'unknown', why: 'there was nothing to judge', judged, figures };
    }
    const why = verdict.kind === 'invalid' ? verdict.evidence : verdict.kind === 'unknown' ? verdict.reason : undefined;
    return { checker: name, promise, verdict: verdict.kind, ...(why !== undefined && { why }), judged, figures };
  });
  const kinds = guarantees.map(({ verdict }) => verdict);
  const isCut = entries.some((entry) => entry.type === 'phase' && entry.phase === 'interrupted');
  const count = (type: string) => operations.filter(({ completion }) => (completion?.type ?? 'info') === type).length;
  return {
    scenario: facts.scenario.name,
    ...(facts.plant !== undefined && { plant: facts.plant }),
    net: facts.net?.kind ?? 'proxies',
    startedAt: facts.startedAt,
    seconds: facts.seconds,
    verdict: kinds.includes('invalid') ? 'invalid' : isCut || kinds.includes('unknown') ? 'unknown' : 'valid',
    operations: { ok: count('ok'), fail: count('fail'), info: count('info') },
    faultEvents: faults.filter(({ end }) => end?.evidence !== undefined).length,
    guarantees,
  };
}

/** Those that the scenario names, or all that its workloads bear on; and those of every run. */
function checkersOf({ facts: { scenario } }: RunRecord): ReadonlySet<string> {
  const kinds = scenario.workloads.map(({ kind }) => kind);
  const ofWorkloads = WORKLOADS.filter(({ name }) => kinds.includes(name)).flatMap(({ checkers }) => checkers);
  const always = REAL_CHECKERS.filter(({ isAlways }) => isAlways).map(({ name }) => name);
  return new Set([...(scenario.checkers ?? [...ofWorkloads, ...always]), 'faults', 'processes']);
}

/** The verdicts as lines for a terminal. */
export function verdictLines({ verdict, guarantees, operations, faultEvents }: RunVerdict): string[] {
  const marks = { valid: 'ok     ', invalid: 'INVALID', unknown: 'unknown' } as const;
  const lines = guarantees.flatMap(({ checker, verdict: its, judged, why, figures }) => {
    const shown = Object.entries(figures).map(([name, value]) => `${name}: ${value}`);
    return [
      `  ${marks[its]}  ${checker.padEnd(20)} ${judged} judged${shown.length === 0 ? '' : `; ${shown.join('; ')}`}`,
      ...(why === undefined ? [] : why.split('\n').map((line) => `             ${line}`)),
    ];
  });
  const { ok, fail, info } = operations;
  return [...lines, `${verdict}: ${ok} ok, ${fail} failed, ${info} unknown operations; ${faultEvents} fault events`];
}
