/** A line of the last values, as wide as its place, from zero to the largest of them. */
const SVG = 'http://www.w3.org/2000/svg';
const [WIDTH, HEIGHT] = [120, 28];

/** @param count how many values the whole width has place for */
export function sparkline(values: readonly number[], count: number): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('class', 'sparkline');
  svg.setAttribute('aria-hidden', 'true');
  const largest = Math.max(...values, Number.MIN_VALUE);
  const step = WIDTH / (count - 1);
  const begin = WIDTH - (values.length - 1) * step;
  const points = values.map((value, i) => `${begin + i * step},${HEIGHT - 2 - (value / largest) * (HEIGHT - 4)}`);
  const line = document.createElementNS(SVG, 'polyline');
  line.setAttribute('points', points.join(' '));
  svg.append(line);
  return svg;
}
