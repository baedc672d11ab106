/**
 * gRPC metadata as it travels: an ordered list of entries, keys in lower case, values text for plain keys and bytes for
 * keys that end in `-bin` (gRPC: PROTOCOL-HTTP2.md, "Custom-Metadata"). A list, not a map: keys may repeat.
 */
export type MetadataEntry = readonly [key: string, value: string | Uint8Array];
export type Metadata = readonly MetadataEntry[];

export const NO_METADATA: Metadata = Object.freeze([]);

/** True if `key` is a legal metadata key: digits, lower-case letters, `_`, `-`, `.`. */
export function isMetadataKey(key: string): boolean {
  return /^[0-9a-z_.-]+$/.test(key);
}

/** True if `value` may travel under a plain key: printable ASCII (gRPC's ASCII-Value). */
export function isMetadataText(value: string): boolean {
  return /^[\x20-\x7e]*$/.test(value);
}

/**
 * True for the keys that the protocol keeps for itself: a transport sets them, and neither sends nor returns them as
 * metadata. `:path` and its kind, `grpc-*`, and what HTTP/2 forbids or computes (RFC 9113 §8.2.2).
 */
export function isReservedMetadataKey(key: string): boolean {
  return key.startsWith(':') || key.startsWith('grpc-') || RESERVED_KEYS.has(key);
}

const RESERVED_KEYS: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'content-type',
  'date',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'user-agent',
]);
