/** A judge of a run with real processes. It says how much it looked at: a verdict on nothing is no verdict. */
import type { Verdict } from '../../checkers/verdict.ts';
import type { RunRecord } from '../run-record.ts';

export interface Judgement {
  readonly verdict: Verdict;
  /** Operations, answers or states that bear on it. */
  readonly judged: number;
  /** Figures worth showing beside the verdict. */
  readonly figures?: Readonly<Record<string, number | string>>;
}

export interface RealChecker {
  readonly name: string;
  /** What users are promised. */
  readonly promise: string;
  /** Whether every run is judged by it, whatever its workloads. */
  readonly isAlways?: true;
  check(run: RunRecord): Judgement;
}
