/** What a transport answers with: one message, or a stream of them. */
import type { CallResponse } from '../call/call.js';
import { NO_NOTES } from '../call/call.js';
import { type Metadata, NO_METADATA } from '../call/metadata.js';
import type { StatusMetadata } from '../status/status-error.js';

/** Metadata is read when somebody asks for it: what an aggregate calls answers to nobody but it. */
export function unaryResponse<Found>(
  message: Uint8Array,
  headers: Found,
  trailers: Found,
  metadataOf: (found: Found) => Metadata,
): CallResponse {
  return {
    message,
    notes: NO_NOTES,
    get headers() {
      return metadataOf(headers);
    },
    get trailers() {
      return metadataOf(trailers);
    },
  };
}

/** The metadata around a failure: most of them answer to nobody who wants it. */
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

/** `next` gives a message at a time, `cancel` runs when its consumer wants no more. */
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
