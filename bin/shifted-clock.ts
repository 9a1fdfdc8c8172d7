/** A clock whose wall time can be put wrong on purpose; its monotonic time stays. Only for a server started with `--chaos`. */
import type { Clock } from '../base/env.ts';
import type { ClockFault } from '../src/engine-port.ts';

export class ShiftedClock implements Clock, ClockFault {
  readonly #real: Clock;
  #offsetMs = 0;

  constructor(real: Clock) {
    this.#real = real;
  }

  get offsetMs(): number {
    return this.#offsetMs;
  }

  shift(offsetMs: number): void {
    this.#offsetMs = offsetMs;
  }

  wallMs(): number {
    return this.#real.wallMs() + this.#offsetMs;
  }

  monotonicMs(): number {
    return this.#real.monotonicMs();
  }
}
