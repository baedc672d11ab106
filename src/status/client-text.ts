/**
 * The error text that a client receives. An upstream's own message is shown only for the codes whose messages are meant for
 * clients, and for the codes in `errors.expose`. For all others (INTERNAL, UNKNOWN, DATA_LOSS, an unreachable or broken
 * upstream) the client gets a generic text with the request id; only the log has the original message.
 */
import { Code } from './code.js';
import type { StatusError } from './status-error.js';

/** The codes whose messages are usually written for clients. */
const CLIENT_CODES: ReadonlySet<Code> = new Set([
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

/** The codes in `errors.expose`, for which an upstream's `grpc-message` is shown too. */
export type ExposedCodes = ReadonlySet<Code>;

export const NONE_EXPOSED: ExposedCodes = new Set();

/** Returns true if the client may see the error's own message. */
export function isForClient(error: StatusError, exposed: ExposedCodes): boolean {
  const { source, code } = error;
  return source === 'gateway' || CLIENT_CODES.has(code) || (exposed.has(code) && isUpstreamMessage(error));
}

/**
 * Returns true if the upstream itself has sent the message. An error of the connection has no metadata, and its text may
 * contain addresses.
 */
function isUpstreamMessage({ metadata, message }: StatusError): boolean {
  return metadata !== undefined && message !== '';
}

/** Returns the text for an error without a message: `NOT_FOUND` becomes `not found`. */
function nameOf(code: Code): string {
  return Code[code].toLowerCase().replaceAll('_', ' ');
}

export function clientText(error: StatusError, requestId: string, exposed: ExposedCodes): string {
  if (isForClient(error, exposed)) return error.message === '' ? nameOf(error.code) : error.message;
  return `${GENERIC_TEXT[error.code] ?? 'the service failed'} (request id ${requestId})`;
}
