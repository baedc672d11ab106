/**
 * What can go wrong between the gateway and an upstream, as StatusErrors. The messages name no address and quote no
 * library: the truth travels as `cause`, for the log (rule 27). Every transport uses these, so that they fail alike.
 */
import type { Deadline, DeadlineOwner } from '../call/deadline.js';
import { Code, codeFromNumber } from '../status/code.js';
import { errorInfoDetail } from '../status/details.js';
import { StatusError, type StatusMetadata } from '../status/status-error.js';

/** The upstream's own status, as its trailers told it. */
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

/** No connection, or one that ended before the call did: 503. `unsent`: there never was one. */
export function unreachable(cause: unknown, unsent = false): StatusError {
  return new StatusError(Code.UNAVAILABLE, 'the upstream cannot be reached', {
    source: 'upstream',
    details: [errorInfoDetail('UPSTREAM_UNREACHABLE')],
    unsent,
    cause,
  });
}

/** What came is not gRPC, or breaks its rules: 502. */
export function brokenAnswer(cause: unknown): StatusError {
  return new StatusError(Code.INTERNAL, 'the upstream sent a broken answer', {
    source: 'upstream',
    httpStatus: 502,
    details: [errorInfoDetail('UPSTREAM_BROKEN_ANSWER')],
    cause,
  });
}

/** A message beyond the limit: 502, never a truncated answer. */
export function answerTooLarge(limitBytes: number, cause: unknown): StatusError {
  return new StatusError(Code.INTERNAL, `the upstream's answer is larger than ${limitBytes} bytes`, {
    source: 'upstream',
    httpStatus: 502,
    details: [errorInfoDetail('UPSTREAM_ANSWER_TOO_LARGE')],
    cause,
  });
}

/** The call's deadline passed: 504. Whose it was tells whether the upstream was slow or its client in a hurry. */
export class DeadlineExceeded extends StatusError {
  constructor(
    readonly owner: DeadlineOwner,
    cause: unknown = `the deadline of the ${owner}`,
  ) {
    super(Code.DEADLINE_EXCEEDED, 'the upstream did not answer within the deadline', {
      source: 'upstream',
      details: [errorInfoDetail('DEADLINE_EXCEEDED')],
      cause,
    });
  }
}

/** Servers count a deadline by clocks of their own. */
const EARLY_MS = 20;

/**
 * The upstream reset the stream with CANCEL. Servers (grpc-go, grpc-java) do so when the deadline passes, and may be heard
 * before the timer here runs. `now`: milliseconds since the epoch.
 */
export function cancelledByUpstream(deadline: Deadline | undefined, now: number, cause: unknown): StatusError {
  const isOver = deadline !== undefined && deadline.at - now <= EARLY_MS;
  return isOver ? new DeadlineExceeded(deadline.owner, cause) : brokenAnswer(cause);
}

/** The client is gone: 499, for the log alone. */
export function cancelled(): StatusError {
  return new StatusError(Code.CANCELLED, 'the request was cancelled');
}

/** The upstream is being closed: 503. */
export function upstreamClosed(): StatusError {
  return new StatusError(Code.UNAVAILABLE, 'the upstream is closed', {
    source: 'upstream',
    details: [errorInfoDetail('UPSTREAM_CLOSED')],
  });
}
