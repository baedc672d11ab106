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

/** Formats a timeout as at most eight digits and a unit, rounded up. */
export function grpcTimeout(timeoutMs: number): string {
  const ms = Math.max(1, Math.ceil(timeoutMs));
  if (ms < 1e8) return `${ms}m`;
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 1e8) return `${seconds}S`;
  return `${Math.min(99_999_999, Math.ceil(seconds / 3600))}H`;
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
