/** Decides what the end of a call shows about the server that the call went to. */
import { Code } from '../status/code.js';
import { StatusError } from '../status/status-error.js';
import { ExplainedFailure } from './explained-failure.js';
import { DeadlineExceeded, UpstreamClosed } from './failure.js';

/**
 * `answered`: the server works, even if it refused the call. `failed`: it cannot be reached, says that it is unavailable, or
 * did not answer within the timeout of the route or the upstream. `unknown`: the call shows nothing about the server, because
 * its client left, allowed too little time or sent an invalid stream, or because the answer is broken.
 */
export type Verdict = 'answered' | 'failed' | 'unknown';

/** Returns what the error of a call shows about the server. `error` is undefined if the call succeeded. */
export function verdictOf(error: unknown): Verdict {
  if (error === undefined) return 'answered';
  if (!(error instanceof StatusError)) return 'unknown';
  if (error instanceof UpstreamClosed) return 'unknown';
  if (error instanceof DeadlineExceeded) return error.owner === 'client' ? 'unknown' : 'failed';
  if (error.code === Code.UNAVAILABLE) return 'failed';
  return error.metadata === undefined ? 'unknown' : 'answered';
}

/** Returns the original reason of a failure in one line. It may contain addresses, so only operators may see it. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause === undefined || error instanceof ExplainedFailure) return error.message;
  return cause instanceof AggregateError && cause.errors[0] !== undefined ? reasonOf(cause.errors[0]) : reasonOf(cause);
}

/** Returns true if the call failed because no connection could be made. */
export function isUnreachable(error: unknown): boolean {
  return (
    error instanceof StatusError &&
    error.unsent &&
    error.code === Code.UNAVAILABLE &&
    !(error instanceof UpstreamClosed)
  );
}

/** Returns true if the call failed because its connection was lost, or because none could be made. */
export function hasNoConnection(error: unknown): boolean {
  return error instanceof StatusError && error.reason === 'UPSTREAM_UNREACHABLE';
}
