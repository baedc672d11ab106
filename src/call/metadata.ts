/**
 * gRPC metadata as it is sent: an ordered list of entries with keys in lower case. Values are text, or bytes for keys
 * that end in `-bin` (gRPC: PROTOCOL-HTTP2.md, "Custom-Metadata"). It is a list and not a map, because keys may occur
 * several times.
 */
export type MetadataEntry = readonly [key: string, value: string | Uint8Array];
/** The entries in the order in which they are sent. */
export type Metadata = readonly MetadataEntry[];

export const NO_METADATA: Metadata = Object.freeze([]);

/** True if `key` is a legal metadata key: digits, lower-case letters, `_`, `-`, `.`. */
export function isMetadataKey(key: string): boolean {
  return /^[0-9a-z_.-]+$/.test(key);
}

/** True if `value` may be the value of a key that does not end in `-bin`: printable ASCII (gRPC's ASCII-Value). */
export function isMetadataText(value: string): boolean {
  return /^[\x20-\x7e]*$/.test(value);
}

/**
 * True for the keys that are reserved for the protocol: `:path` and other pseudo-headers, `grpc-*`, headers that HTTP/2
 * forbids (RFC 9113 §8.2.2), and headers such as `host` that the code which sends the call writes itself. They are neither
 * sent nor returned as metadata.
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
