/** Reads and writes the headers of gRPC as PROTOCOL-HTTP2.md demands. All transports share these functions. */
import { isMetadataKey, isMetadataText } from '../call/metadata.js';

/** Returns the number in `grpc-status`; NaN if the text is none, such as an empty text or `1e0`. */
export function statusCode(text: string): number {
  return /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
}

/** Decodes `grpc-message`, which is percent-encoded UTF-8. A text that does not decode is returned unchanged. */
export function statusMessage(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * True for the content type of gRPC with any suffix or parameter. The type of gRPC-Web has the same beginning, but is
 * another protocol.
 */
export function isGrpcType(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc(?:[+;]|$)/.test(contentType);
}

/**
 * The longest `grpc-timeout` that is sent, in milliseconds. It is a whole number of seconds, because such a long time is sent
 * in seconds. Servers of grpc-js count milliseconds in 32 bits, so a longer timeout would expire there at once.
 */
export const LONGEST_TIMEOUT_MS = 2_147_483_000;

/**
 * Formats a timeout as at most eight digits and a unit, rounded up. Undefined for a timeout of more than 24 days, which is
 * not sent: when it has passed, the gateway cancels the call.
 */
export function grpcTimeout(timeoutMs: number): string | undefined {
  const ms = Math.max(1, Math.ceil(timeoutMs));
  if (ms < 1e8) return `${ms}m`;
  return ms > LONGEST_TIMEOUT_MS ? undefined : `${Math.ceil(ms / 1000)}S`;
}

/** Returns the text of a metadata value as it is sent. Throws a TypeError for an illegal key or value. */
export function metadataValue(key: string, value: string | Uint8Array): string {
  const isBinary = key.endsWith('-bin');
  if (!isMetadataKey(key)) throw new TypeError(`expected a metadata key, got ${JSON.stringify(key)}`);
  if (typeof value !== 'string') {
    if (!isBinary) throw new TypeError(`${key}: expected a string, got bytes, which need a key that ends in -bin`);
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  }
  if (isBinary) throw new TypeError(`${key}: expected bytes, because the key ends in -bin, got a string`);
  if (!isMetadataText(value)) throw new TypeError(`${key}: expected printable ASCII, got other characters`);
  return value;
}

/** Returns the values in a header that ends in `-bin`: there may be several, joined by commas, which base64 does not contain. */
export function binaryValues(text: string): Buffer[] {
  return text.split(',').map((part) => Buffer.from(part.trim(), 'base64'));
}
