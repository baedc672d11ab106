/**
 * The last handler for errors in a process that serves. An error that nothing caught is a bug of protogate, so the log must
 * contain it. From then on the state of the process is unknown (Node: "not safe to resume normal operation"), so it ends at
 * once; the primary or the supervisor that started it starts another one.
 */

import type { Log } from '../telemetry/log.js';

/** Logs an uncaught error or an unhandled rejection as one line and ends the process. Logs Node's warnings as lines too. */
export function endOnUncaught(log: Log): void {
  process.on('uncaughtException', (error: unknown, origin) => {
    // The log omits the stack of an error with a `code`: elsewhere such an error is an expected outcome.
    const stack = error instanceof Error && 'code' in error ? error.stack : undefined;
    log.error({ origin, err: error, stack }, 'uncaught error, which is a bug in protogate: the process ends');
    process.exit(1);
  });
  // Node's own listener writes plain text to standard error.
  process.removeAllListeners('warning');
  process.on('warning', (warning) => log.warn({ err: warning }, 'warning from Node.js'));
}
