/**
 * The failures that may happen between the gateway and an upstream, as StatusErrors. Their messages contain no addresses and no
 * texts of libraries, because clients see them; the original error is their `cause`, which only the log shows. All transports
 * use these functions, so that the same failure gives the same error.
 */
import type { Deadline, DeadlineOwner } from '../call/deadline.js';
import { Code, codeFromNumber } from '../status/code.js';
import { errorInfoDetail } from '../status/details.js';
import { REASONS } from '../status/reasons.js';
import { gatewayError, StatusError, type StatusMetadata } from '../status/status-error.js';
import { inWords } from './explained-failure.js';

/** Returns a status that the upstream has sent as an error. `code` is the number in `grpc-status`. */
export function upstreamStatus(
  code: number,
  message: string,
  statusDetailsBin: Uint8Array | undefined,
  metadata: StatusMetadata,
): StatusError {
  const known = codeFromNumber(code);
  return new StatusError(known === Code.OK ? Code.UNKNOWN : known, message, {
    source: 'upstream',
    metadata,
    ...(statusDetailsBin === undefined ? {} : { statusDetailsBin }),
  });
}

/**
 * Returns an error with HTTP status 503: there was no connection, or it was lost before the call ended. `unsent` is true if the
 * upstream has certainly not processed the call.
 */
export function unreachable(cause: unknown, unsent = false): StatusError {
  return gatewayError('UPSTREAM_UNREACHABLE', 'the upstream cannot be reached', {
    source: 'upstream',
    unsent,
    cause: inWords(cause),
  });
}

/** Returns an error with HTTP status 502: the answer is not gRPC, or breaks its rules. */
export function brokenAnswer(cause: unknown): StatusError {
  return gatewayError('UPSTREAM_BROKEN_ANSWER', 'the upstream sent a broken answer', { source: 'upstream', cause });
}

/** Returns an error with HTTP status 502: a message has more than `limitBytes` bytes. Messages are never truncated. */
export function answerTooLarge(limitBytes: number, cause: unknown): StatusError {
  const text = `the upstream's answer is larger than ${limitBytes} bytes`;
  return gatewayError('UPSTREAM_ANSWER_TOO_LARGE', text, { source: 'upstream', cause });
}

/**
 * The deadline of a call has passed (HTTP status 504). `owner` shows who has set it: if it is the client, the upstream need not
 * be slow. `sign` is what showed that the deadline has passed, if it was not the gateway's own timer.
 */
export class DeadlineExceeded extends StatusError {
  constructor(
    readonly owner: DeadlineOwner,
    sign?: unknown,
  ) {
    const shown = sign === undefined ? '' : `; ${sign instanceof Error ? sign.message : sign}`;
    const cause = `the deadline of the ${owner}${shown}`;
    super(Code.DEADLINE_EXCEEDED, 'the upstream did not answer within the deadline', {
      source: 'upstream',
      details: [errorInfoDetail('DEADLINE_EXCEEDED')],
      reason: 'DEADLINE_EXCEEDED',
      cause,
    });
  }
}

/** The milliseconds by which a deadline may pass earlier on a server than here, because the server has its own clock. */
const EARLY_MS = 20;

/** Returns true if the deadline has passed here, or may have passed on the server. `now` is in milliseconds since the epoch. */
export function isOver(deadline: Deadline | undefined, now: number): deadline is Deadline {
  return deadline !== undefined && deadline.at - now <= EARLY_MS;
}

/**
 * Returns true for a status with which servers end a call whose deadline has passed. Most send DEADLINE_EXCEEDED; tonic (Rust)
 * sends CANCELLED.
 */
export function maySayLate(code: number): boolean {
  return code === Code.DEADLINE_EXCEEDED || code === Code.CANCELLED;
}

/**
 * Returns the error for a stream that the upstream reset with the code CANCEL. Servers (grpc-go, grpc-java) do so when the
 * deadline passes, and the reset may arrive before the gateway's own timer fires. `now` is in milliseconds since the epoch.
 */
export function cancelledByUpstream(deadline: Deadline | undefined, now: number, cause: unknown): StatusError {
  return isOver(deadline, now) ? new DeadlineExceeded(deadline.owner, cause) : brokenAnswer(cause);
}

/**
 * Returns the error of a cancelled call (HTTP status 499). The client has usually closed the connection, so only the log shows
 * this error.
 */
export function cancelled(): StatusError {
  return new StatusError(Code.CANCELLED, 'the request was cancelled');
}

/** The connections to the upstream are closed (HTTP status 503). `unsent` is true if the call had not begun. */
export class UpstreamClosed extends StatusError {
  constructor(unsent: boolean) {
    const { code, httpStatus } = REASONS.UPSTREAM_CLOSED;
    const details = [errorInfoDetail('UPSTREAM_CLOSED')];
    super(code, 'the upstream is closed', {
      httpStatus,
      details,
      source: 'upstream',
      unsent,
      reason: 'UPSTREAM_CLOSED',
    });
  }
}

/** Returns the error for a call that cannot begin because the connections are closed (HTTP status 503). */
export function upstreamClosed(): StatusError {
  return new UpstreamClosed(true);
}

/** Returns the error for a running call that was ended because the connections are closed (HTTP status 503). */
export function cutByClose(): StatusError {
  return new UpstreamClosed(false);
}
