/**
 * The failures that may happen between the gateway and an upstream, as StatusErrors. Their messages name no address and
 * quote no library; the true reason is their `cause`, which goes to the log alone. All transports use these functions, so
 * that they fail alike.
 */
import type { Deadline, DeadlineOwner } from '../call/deadline.js';
import { Code, codeFromNumber } from '../status/code.js';
import { errorInfoDetail } from '../status/details.js';
import { REASONS } from '../status/reasons.js';
import { gatewayError, StatusError, type StatusMetadata } from '../status/status-error.js';
import { inWords } from './explained-failure.js';

/** Returns the upstream's own status as an error. */
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
 * Returns 503: there was no connection, or it ended before the call did. `unsent` is true if the call never reached a
 * connection.
 */
export function unreachable(cause: unknown, unsent = false): StatusError {
  return gatewayError('UPSTREAM_UNREACHABLE', 'the upstream cannot be reached', {
    source: 'upstream',
    unsent,
    cause: inWords(cause),
  });
}

/** Returns 502: the answer is not gRPC, or breaks its rules. */
export function brokenAnswer(cause: unknown): StatusError {
  return gatewayError('UPSTREAM_BROKEN_ANSWER', 'the upstream sent a broken answer', { source: 'upstream', cause });
}

/** Returns 502: a message is larger than the limit. It is never truncated. */
export function answerTooLarge(limitBytes: number, cause: unknown): StatusError {
  const text = `the upstream's answer is larger than ${limitBytes} bytes`;
  return gatewayError('UPSTREAM_ANSWER_TOO_LARGE', text, { source: 'upstream', cause });
}

/**
 * The call's deadline passed: 504. Its owner shows whether the upstream was slow or the client allowed too little time. `sign`
 * is the error that showed it, if it was not the gateway's own timer.
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

/** The time by which a deadline may pass earlier on a server than here, because a server has a clock of its own. */
const EARLY_MS = 20;

/** True if the deadline has passed, or may have passed on the server. `now` is in milliseconds since the epoch. */
export function isOver(deadline: Deadline | undefined, now: number): deadline is Deadline {
  return deadline !== undefined && deadline.at - now <= EARLY_MS;
}

/** True for the statuses with which servers end a call whose deadline has passed. tonic (Rust) sends CANCELLED. */
export function maySayLate(code: number): boolean {
  return code === Code.DEADLINE_EXCEEDED || code === Code.CANCELLED;
}

/**
 * Returns the error for a stream that the upstream reset with CANCEL. Servers (grpc-go, grpc-java) do so when the deadline
 * passes, and the reset may arrive before the timer here runs. `now` is in milliseconds since the epoch.
 */
export function cancelledByUpstream(deadline: Deadline | undefined, now: number, cause: unknown): StatusError {
  return isOver(deadline, now) ? new DeadlineExceeded(deadline.owner, cause) : brokenAnswer(cause);
}

/** Returns 499: the client has closed the connection, so only the log shows it. */
export function cancelled(): StatusError {
  return new StatusError(Code.CANCELLED, 'the request was cancelled');
}

/** The connections are being closed: 503. `unsent` is true if the call had not begun. */
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

/** Returns 503: the upstream is being closed, so no call begins. */
export function upstreamClosed(): StatusError {
  return new UpstreamClosed(true);
}

/** Returns 503: the upstream was closed during the call. */
export function cutByClose(): StatusError {
  return new UpstreamClosed(false);
}
