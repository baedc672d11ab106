/**
 * For a process that serves: what nobody caught is a bug of ours, and whoever reads the log must find it there. What the
 * process would do from then on nobody knows (Node: "not safe to resume normal operation"), so it ends at once; whoever
 * started it starts another.
 */

import type { Log } from '../telemetry/log.js';

/** One line, and the end. Rejections that nobody handles come the same way; what Node warns of is a line too. */
export function endOnUncaught(log: Log): void {
  process.on('uncaughtException', (error: unknown, origin) => {
    // The log leaves it out of what has a code: elsewhere that is an outcome.
    const stack = error instanceof Error && 'code' in error ? error.stack : undefined;
    log.error({ origin, err: error, stack }, 'a bug of protogate’s: the process ends');
    process.exit(1);
  });
  // Node's own listener writes text.
  process.removeAllListeners('warning');
  process.on('warning', (warning) => log.warn({ err: warning }, 'a warning of Node’s'));
}
