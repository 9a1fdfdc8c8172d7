/**
 * Relationships from a node to itself. A line between two points has no length here and the WebGL programs draw nothing, so
 * that these are drawn as circles beside their node, on a canvas between edges and nodes.
 */
import type { Sigma } from 'sigma';

/** To the upper right, where labels (to the right) leave room. */
const TURN = -Math.PI / 3;
const ARROW = 5;
/** Pixels beside the line that count as on it. */
const NEAR = 5;
/** A loop smaller than this is not seen, and not worth the time. */
const RADIUS_MIN = 1.5;

export interface LoopLook {
  readonly colour: string;
  readonly textColour: string;
  readonly width: number;
  /** Empty for none. */
  readonly label: string;
}

interface Circle {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

export class LoopLayer {
  readonly #sigma: Sigma;
  readonly #canvas: HTMLCanvasElement;
  readonly #lookOf: (edge: string) => LoopLook;
  /** Edge -> its node, and which of the loops of that node it is. */
  readonly #loops = new Map<string, { readonly node: string; readonly nth: number }>();

  constructor(sigma: Sigma, lookOf: (edge: string) => LoopLook) {
    this.#sigma = sigma;
    this.#lookOf = lookOf;
    this.#canvas = sigma.createCanvas('loops', { beforeLayer: 'nodes' });
    sigma.on('afterRender', () => this.#draw());
  }

  /** @param loops pairs of edge and node */
  show(loops: Iterable<readonly [edge: string, node: string]>): void {
    this.#loops.clear();
    const counts = new Map<string, number>();
    for (const [edge, node] of loops) {
      const nth = counts.get(node) ?? 0;
      counts.set(node, nth + 1);
      this.#loops.set(edge, { node, nth });
    }
  }

  /** The loop under a point of the picture, in pixels. */
  at(x: number, y: number): string | undefined {
    for (const edge of this.#loops.keys()) {
      const circle = this.place(edge);
      if (circle !== undefined && Math.abs(Math.hypot(x - circle.x, y - circle.y) - circle.radius) <= NEAR) return edge;
    }
    return undefined;
  }

  /** Where a loop is drawn, in pixels of the picture. */
  place(edge: string): Circle | undefined {
    const loop = this.#loops.get(edge);
    const node = loop && this.#sigma.getNodeDisplayData(loop.node);
    if (loop === undefined || node === undefined) return undefined;
    const size = this.#sigma.scaleSize(node.size);
    const radius = size * (1.1 + 0.7 * loop.nth);
    if (radius < RADIUS_MIN) return undefined;
    const { x, y } = this.#sigma.framedGraphToViewport(node);
    // Every loop goes through the middle of the node, which hides that part of it.
    return { x: x + Math.cos(TURN) * (size * 0.5 + radius), y: y + Math.sin(TURN) * (size * 0.5 + radius), radius };
  }

  #draw(): void {
    const { width, height } = this.#sigma.getDimensions();
    const ratio = devicePixelRatio;
    const canvas = this.#canvas;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const context = canvas.getContext('2d');
    if (context === null) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    for (const edge of this.#loops.keys()) {
      const circle = this.place(edge);
      if (circle === undefined) continue;
      const { x, y, radius } = circle;
      if (x + radius < 0 || y + radius < 0 || x - radius > width || y - radius > height) continue;
      drawLoop(context, circle, this.#lookOf(edge));
    }
  }
}

function drawLoop(context: CanvasRenderingContext2D, { x, y, radius }: Circle, look: LoopLook): void {
  context.strokeStyle = look.colour;
  context.fillStyle = look.colour;
  context.lineWidth = look.width;
  context.beginPath();
  context.arc(x, y, radius, 0, Math.PI * 2);
  context.stroke();
  // On the side away from the node, along the direction of the line.
  const [tipX, tipY] = [x + Math.cos(TURN) * radius, y + Math.sin(TURN) * radius];
  const along = TURN + Math.PI / 2;
  const point = (angle: number): [number, number] => [tipX + Math.cos(angle) * ARROW, tipY + Math.sin(angle) * ARROW];
  context.beginPath();
  context.moveTo(...point(along));
  context.lineTo(...point(along + 2.4));
  context.lineTo(...point(along - 2.4));
  context.fill();
  if (look.label === '') return;
  context.font = '10px system-ui, sans-serif';
  context.fillStyle = look.textColour;
  context.fillText(look.label, tipX + ARROW + 2, tipY);
}
