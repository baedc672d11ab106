/** How large the body of a request may be: of one message, of an upload, and of a stream of messages. */
import { gatewayError, type StatusError } from '../status/status-error.js';

export interface BodySizes {
  /** Of a request body; of a client stream each message. */
  readonly maxBodyBytes: number;
  /** Of all that a client streams; undefined: it may go on. */
  readonly maxStreamBytes: number | undefined;
}

/**
 * `declared`: `max_request_bytes` of the method; `limit`: `limits.bodyBytes`. An upload (google.api.HttpBody) is one body
 * that is sent on in pieces, so that each of the two bounds all of it; messages of JSON go on for ever unless the method
 * itself says how much it takes.
 */
export function bodySizes(declared: number | undefined, limit: number, isUpload: boolean): BodySizes {
  const maxBodyBytes = declared ?? limit;
  return { maxBodyBytes, maxStreamBytes: isUpload ? maxBodyBytes : declared };
}

/** Of a body that is longer than `maxBytes`. */
export function bodyTooLarge(maxBytes: number): StatusError {
  return gatewayError(413, 'BODY_TOO_LARGE', `body: expected at most ${maxBytes} bytes`, { closeConnection: true });
}
