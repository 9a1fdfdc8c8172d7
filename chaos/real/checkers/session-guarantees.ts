/**
 * The four session guarantees (Terry et al., 1994) from numbers alone: each is raised by one session only, so that later is
 * larger, and stands beside what its writer had seen of another one. Who sees the number must then see that as well.
 */
import { judge } from '../../checkers/verdict.ts';
import type { Completion, Invocation, Saw } from '../entry.ts';
import { answered } from './of-answers.ts';
import type { RealChecker } from './real-checker.ts';

interface Step {
  readonly kind: 'raise' | 'see';
  readonly key: string;
  readonly value: number;
  readonly saw: Saw;
  readonly invocation: Invocation;
  readonly completion: Completion | undefined;
}

export const sessionGuarantees: RealChecker = {
  name: 'session-guarantees',
  promise: 'read your writes, monotonic reads, monotonic writes, writes follow reads, across servers, with the token',
  check(run) {
    const steps = [...answered(run, 'raise'), ...answered(run, 'see')]
      .map(({ call, ...operation }) => ({ ...call, ...operation }))
      .sort((a, b) => a.invocation.id - b.invocation.id);
    const bySession = new Map<string, Step[]>();
    for (const step of steps) {
      const known = bySession.get(step.session);
      if (known === undefined) bySession.set(step.session, [step]);
      else known.push(step);
    }
    const evidence = [...bySession].flatMap(([session, ofSession]) => violationsOf(session, ofSession));
    return { verdict: judge(evidence), judged: steps.length };
  },
};

/** The least that a session must see of a number, and which guarantee says so. */
interface Bound {
  readonly value: number;
  readonly guarantee: string;
  readonly because: string;
}

/** @param steps of one session, in their order */
function violationsOf(session: string, steps: readonly Step[]): string[] {
  const evidence: string[] = [];
  const bounds = new Map<string, Bound>();
  const raise = (key: string, bound: Bound) => {
    if (bound.value > (bounds.get(key)?.value ?? 0)) bounds.set(key, bound);
  };
  for (const { kind, key, value, saw, invocation } of steps) {
    const place = `on ${invocation.server} at ${invocation.atMs.toFixed(0)} ms`;
    if (kind === 'raise') {
      raise(key, { value, guarantee: 'read your writes', because: `it wrote ${value} ${place}` });
      continue;
    }
    const bound = bounds.get(key);
    if (bound !== undefined && value < bound.value) {
      evidence.push(`${bound.guarantee}: ${session} saw ${key} = ${value} ${place}, though ${bound.because}`);
    }
    raise(key, { value, guarantee: 'monotonic reads', because: `it saw ${value} ${place}` });
    // Whoever sees a write sees what its writer had seen before it, and what it had written.
    if (saw.key !== '') {
      const because = `it saw ${key} = ${value} ${place}, whose writer had seen ${saw.key} = ${saw.value}`;
      raise(saw.key, { value: saw.value, guarantee: 'writes follow reads', because });
    }
  }
  return evidence;
}
