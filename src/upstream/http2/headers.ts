/** Translates metadata to HTTP/2 headers and back, and reads gRPC's own headers (PROTOCOL-HTTP2.md). */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import {
  isMetadataKey,
  isMetadataText,
  isReservedMetadataKey,
  type Metadata,
  type MetadataEntry,
  NO_METADATA,
} from '../../call/metadata.js';
import { statusCode, statusMessage } from '../protocol.js';

/** Adds metadata to the headers. Throws a TypeError for an illegal key or value. */
export function addMetadata(headers: OutgoingHttpHeaders, metadata: Metadata): void {
  for (const [key, value] of metadata) {
    if (isReservedMetadataKey(key)) continue;
    const text = headerValue(key, value);
    const before = headers[key];
    if (before === undefined) headers[key] = text;
    else if (Array.isArray(before)) before.push(text);
    else headers[key] = [String(before), text];
  }
}

function headerValue(key: string, value: string | Uint8Array): string {
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

/** Returns the headers or trailers that are metadata. Values of one key stay in their order. */
export function metadataOf(headers: IncomingHttpHeaders | undefined): Metadata {
  if (headers === undefined) return NO_METADATA;
  const entries: MetadataEntry[] = [];
  for (const key of Object.keys(headers)) {
    const value = headers[key];
    if (value === undefined || isReservedMetadataKey(key)) continue;
    for (const one of Array.isArray(value) ? value : [value]) {
      if (!key.endsWith('-bin')) entries.push([key, one]);
      // A header may hold several values, joined by commas; base64 itself contains none.
      else for (const part of one.split(',')) entries.push([key, Buffer.from(part.trim(), 'base64')]);
    }
  }
  return entries;
}

/** The content of `grpc-status`, `grpc-message` and `grpc-status-details-bin`. */
export interface GrpcStatus {
  /** The number in `grpc-status`; NaN if the header holds none, which counts as UNKNOWN. */
  readonly code: number;
  readonly message: string;
  readonly details: Uint8Array | undefined;
}

/** Returns the status; undefined when the headers hold none. */
export function statusOf(headers: IncomingHttpHeaders): GrpcStatus | undefined {
  const code = single(headers['grpc-status']);
  if (code === undefined) return undefined;
  const details = single(headers['grpc-status-details-bin']);
  return {
    code: statusCode(code),
    message: statusMessage(single(headers['grpc-message']) ?? ''),
    details: details === undefined ? undefined : Buffer.from(details, 'base64'),
  };
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.at(-1) : value;
}

/** Formats a timeout as at most eight digits and a unit, rounded up. */
export function grpcTimeout(timeoutMs: number): string {
  const ms = Math.max(1, Math.ceil(timeoutMs));
  if (ms < 1e8) return `${ms}m`;
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 1e8) return `${seconds}S`;
  return `${Math.min(99_999_999, Math.ceil(seconds / 3600))}H`;
}
