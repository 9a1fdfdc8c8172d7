/** What the process tells its caller by its exit code, and the two ways in which a command gives up. */

export const EXIT = {
  ok: 0,
  /** The operation failed: the message says why, and nothing needs to be reported as a bug. */
  failed: 1,
  /** The command line or the environment is wrong; nothing was done. */
  usage: 2,
  /** A broken invariant; the log has the details. */
  bug: 70,
} as const;

/** Ends the command with `EXIT.failed`. The message is for people and is the whole output. */
export class OperationFailed extends Error {
  override readonly name = 'OperationFailed';
}

/** Ends the command with `EXIT.usage`. The message names the flag that is wrong and says what it takes. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
