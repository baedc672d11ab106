/** This module decides how large the body of a request may be: one message, an upload, or a stream of messages. */
import { gatewayError, type StatusError } from '../status/status-error.js';

export interface BodySizes {
  /** The most bytes of a request body. In a client stream it bounds each message. */
  readonly maxBodyBytes: number;
  /** The most bytes of all messages of a client stream together; undefined when there is no bound. */
  readonly maxStreamBytes: number | undefined;
}

/**
 * Returns the sizes for one method. `declared` is the method's `max_request_bytes`, and `limit` is `limits.bodyBytes`. An
 * upload (google.api.HttpBody) is one body that is sent on in pieces, so the size bounds all pieces together. A stream of
 * JSON messages has no bound unless the method declares one.
 */
export function bodySizes(declared: number | undefined, limit: number, isUpload: boolean): BodySizes {
  const maxBodyBytes = declared ?? limit;
  return { maxBodyBytes, maxStreamBytes: isUpload ? maxBodyBytes : declared };
}

/** Returns the 413 for a body that is longer than `maxBytes`. */
export function bodyTooLarge(maxBytes: number): StatusError {
  return gatewayError('BODY_TOO_LARGE', `body: expected at most ${maxBytes} bytes, got more`, {
    closeConnection: true,
  });
}
