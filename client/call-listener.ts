/** How listeners of the application are called. */
import type { Scheduler } from '../base/env.ts';

/** What a listener throws is thrown where nothing of the replica is under way, which goes on as if it had not. */
export function callListener(scheduler: Scheduler, call: () => void): void {
  try {
    call();
  } catch (error) {
    scheduler.after(0, () => {
      throw error;
    });
  }
}
