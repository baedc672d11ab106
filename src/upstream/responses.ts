/** Builds the CallResponse of a transport: with one message, or with a stream of messages. */
import type { CallResponse } from '../call/call.js';
import { NO_NOTES } from '../call/call.js';
import { type Metadata, NO_METADATA } from '../call/metadata.js';
import type { StatusMetadata } from '../status/status-error.js';

/** Returns a response with one message. */
export function unaryResponse<Found>(
  message: Uint8Array,
  headers: Found,
  trailers: Found,
  metadataOf: (found: Found) => Metadata,
): CallResponse {
  // The metadata is converted at once. Getters would have to be made for each response, which costs more than converting the
  // few headers of most answers.
  return { headers: metadataOf(headers), message, trailers: metadataOf(trailers), notes: NO_NOTES };
}

/** Returns the metadata of a failed call. It is converted only when it is read, because it is not read for most failures. */
export function readLater<Found>(
  headers: Found,
  trailers: Found,
  metadataOf: (found: Found) => Metadata,
): StatusMetadata {
  return {
    get headers() {
      return metadataOf(headers);
    },
    get trailers() {
      return metadataOf(trailers);
    },
  };
}

/** Returns a response with a stream. `next` returns the next message; `cancel` is called when the consumer stops reading. */
export function streamedResponse(
  headers: Metadata,
  next: () => Promise<IteratorResult<Uint8Array, undefined>>,
  cancel: () => void,
): CallResponse {
  const message: AsyncIterableIterator<Uint8Array, undefined> = {
    [Symbol.asyncIterator]: () => message,
    next,
    return: async () => {
      cancel();
      return { done: true, value: undefined };
    },
  };
  return { headers, message, trailers: NO_METADATA, notes: NO_NOTES };
}
