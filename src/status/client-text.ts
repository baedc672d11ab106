/**
 * What a client may read of an error. An upstream's own words pass only for the codes that speak to a client, and
 * for those of `errors.expose`. For the others (INTERNAL, UNKNOWN, DATA_LOSS, an unreachable or broken upstream) the client
 * gets a generic text with the request id; the truth is for the log.
 */
import { Code } from './code.js';
import type { StatusError } from './status-error.js';

/** Codes whose message an upstream wrote for the client. */
const SPEAKS_TO_CLIENT: ReadonlySet<Code> = new Set([
  Code.INVALID_ARGUMENT,
  Code.NOT_FOUND,
  Code.ALREADY_EXISTS,
  Code.PERMISSION_DENIED,
  Code.RESOURCE_EXHAUSTED,
  Code.FAILED_PRECONDITION,
  Code.ABORTED,
  Code.OUT_OF_RANGE,
  Code.UNAUTHENTICATED,
]);

const GENERIC_TEXT: Partial<Readonly<Record<Code, string>>> = {
  [Code.CANCELLED]: 'the request was cancelled',
  [Code.DEADLINE_EXCEEDED]: 'the service did not answer in time',
  [Code.UNIMPLEMENTED]: 'the service does not implement this method',
  [Code.UNAVAILABLE]: 'the service is unavailable',
};

/** Codes for which an upstream's `grpc-message` passes besides. */
export type ExposedCodes = ReadonlySet<Code>;

export const NONE_EXPOSED: ExposedCodes = new Set();

/** Whether its own message is for the client. */
export function speaksToClient(error: StatusError, exposed: ExposedCodes): boolean {
  const { source, code } = error;
  return source === 'gateway' || SPEAKS_TO_CLIENT.has(code) || (exposed.has(code) && isWordOfUpstream(error));
}

/** What happened on the way to an upstream has no metadata: its text is the transport's, and may name addresses. */
function isWordOfUpstream({ metadata, message }: StatusError): boolean {
  return metadata !== undefined && message !== '';
}

/** `NOT_FOUND` → `not found`: what is left to say of an error without a text. */
function nameOf(code: Code): string {
  return Code[code].toLowerCase().replaceAll('_', ' ');
}

export function clientText(error: StatusError, requestId: string, exposed: ExposedCodes): string {
  if (speaksToClient(error, exposed)) return error.message === '' ? nameOf(error.code) : error.message;
  return `${GENERIC_TEXT[error.code] ?? 'the service failed'} (request id ${requestId})`;
}
