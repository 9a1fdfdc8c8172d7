import { expect, test } from 'vitest';
import { parseMetrics, quantileBetween, sumOf } from './metrics-text.ts';

const textOf = (slow: number, fast: number): string => `# HELP took how long
# TYPE took histogram
took_bucket{route="/a",le="0.1"} ${fast}
took_bucket{route="/a",le="1"} ${fast + slow}
took_bucket{route="/a",le="+Inf"} ${fast + slow}
took_bucket{route="/metrics",le="0.1"} 0
took_bucket{route="/metrics",le="1"} 500
took_bucket{route="/metrics",le="+Inf"} 500
requests_total{route="/say \\"a\\", b",status="200"} 3
requests_total{route="/b",status="500"} 4
links_up 2
`;

test('metrics: a text -> sums of all and of chosen samples', () => {
  const samples = parseMetrics(textOf(0, 0));
  expect(sumOf(samples, 'requests_total')).toBe(7);
  expect(sumOf(samples, 'requests_total', ({ route }) => route === '/say \\"a\\", b')).toBe(3);
  expect([sumOf(samples, 'links_up'), sumOf(samples, 'absent')]).toEqual([2, 0]);
});

test('metrics: two looks at a histogram -> quantiles of what came between them, of chosen routes', () => {
  const [before, after] = [parseMetrics(textOf(100, 7)), parseMetrics(textOf(102, 105))];
  const isOther = ({ route = '' }) => route !== '/metrics';
  expect(quantileBetween([before, after], 'took', 0.5, isOther)).toBe(0.1);
  expect(quantileBetween([before, after], 'took', 0.99, isOther)).toBe(1);
  expect(quantileBetween([after, after], 'took', 0.5)).toBeUndefined();
});
