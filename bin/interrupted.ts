/** What a command that is ended by a signal leaves behind: a terminal as it was, and nothing half made. */

/** Not SIGHUP, which `nohup` has ignored: a listener would end what it keeps alive. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Calls `tidy` if a signal is about to end the process, which then ends by that signal as it would have: shells see it so.
 * @param tidy synchronous, as nothing comes after it
 * @returns to be called when there is nothing to tidy up any more
 */
export function whenInterrupted(tidy: () => void): () => void {
  const forget = (): void => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    forget();
    tidy();
    // Others that tidy up have their turn within the same event; the signal ends the process when no listener is left.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return forget;
}
