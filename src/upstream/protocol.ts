/** Reads and writes the headers of gRPC as PROTOCOL-HTTP2.md defines them. All transports share these functions. */
import { isMetadataKey, isMetadataText } from '../call/metadata.js';

/** Returns the number in `grpc-status`; NaN if the text is not a number, such as an empty text or `1e0`. */
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
 * Returns true for the content type of gRPC, with or without a suffix (`+proto`) or parameter. gRPC-Web is another protocol,
 * although its type `application/grpc-web` has the same beginning.
 */
export function isGrpcType(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc(?:[+;]|$)/.test(contentType);
}

/**
 * The longest `grpc-timeout` that is sent, in milliseconds. Servers with grpc-js count milliseconds in 32 bits, so a longer
 * timeout would expire there at once. It is a whole number of seconds, because such long timeouts are sent in seconds.
 */
export const LONGEST_TIMEOUT_MS = 2_147_483_000;

/**
 * Returns a timeout as the value of `grpc-timeout`, which is at most eight digits and a unit: 1500 → `1500m`. It is rounded up.
 * Undefined for more than 24 days: no header is sent then, and the gateway cancels the call when the time has passed.
 */
export function grpcTimeout(timeoutMs: number): string | undefined {
  const ms = Math.max(1, Math.ceil(timeoutMs));
  if (ms < 1e8) return `${ms}m`;
  return ms > LONGEST_TIMEOUT_MS ? undefined : `${Math.ceil(ms / 1000)}S`;
}

/** Returns the header text of a metadata value; bytes become base64. Throws a TypeError for an illegal key or value. */
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

/**
 * Returns the values in a header whose name ends in `-bin`. Several values are joined by commas, which base64 does not contain.
 */
export function binaryValues(text: string): Buffer[] {
  return text.split(',').map((part) => Buffer.from(part.trim(), 'base64'));
}
