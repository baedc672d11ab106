/**
 * This module translates HTTP headers to gRPC metadata and back. In both directions a header passes only if a pattern of the
 * config names it, and some headers never pass, even if a pattern names them (docs/http-mapping.md#headers-and-metadata).
 */
import { compilePatterns } from '../base/name-patterns.js';
import { isMetadataKey, isMetadataText, type Metadata, type MetadataEntry } from '../call/metadata.js';
import { gatewayError, invalidRequest } from '../status/status-error.js';

/** The value of a header as Node reports it. */
export type HeaderValue = string | readonly string[] | undefined;

export interface MetadataSettings {
  /** Names of the request headers that reach a backend; a `*` at the end matches any rest of the name. */
  readonly request: readonly string[];
  /** Names of the response metadata that reaches a client; a `*` at the end matches any rest of the name. */
  readonly response: readonly string[];
  readonly forwardAuthorization: boolean;
}

const PREFIX = 'grpc-metadata-';

/**
 * The most headers of one request that may reach a backend. Node's HTTP/2 accepts 128 in all, with its own and the
 * gateway's, and resets a stream that has more: that would look as if the backend had failed.
 */
const MAX_SENT = 100;

/** Headers that belong to one connection and are never forwarded (RFC 9110 §7.6.1, §11.7). */
const HOP_BY_HOP = [
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/**
 * Headers that no client may send to a backend: those of the connection or of HTTP itself, and those that only the gateway
 * may set.
 */
const NEVER_SENT: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'accept-encoding',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'forwarded',
  'host',
  'user-agent',
  'x-request-id',
  'traceparent',
  'tracestate',
  'x-real-ip',
]);

/** Response metadata that never reaches a client, because it would break or forge the HTTP answer. */
const NEVER_RETURNED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'x-content-type-options',
  'x-request-id',
  'x-http-status',
]);

function maySend(key: string): boolean {
  return !NEVER_SENT.has(key) && !key.startsWith('x-forwarded-') && !key.startsWith('grpc-') && !key.startsWith(':');
}

/**
 * True if the gateway may send the caller's identity under this key, because neither clients nor the gateway use it
 * otherwise.
 */
export function mayCarryIdentity(key: string): boolean {
  return maySend(key) && key !== 'authorization' && key !== 'cookie';
}

/**
 * Compiles the allow list into a function from Node's `rawHeaders` (name, value, name, value…) to metadata. `guarded` are
 * the keys that no header of a client may set, even if a pattern names it: keys that carry identity or credentials.
 * `x_user_id` counts as `x-user-id`, because many servers do not tell them apart.
 */
export function compileRequestMetadata(
  settings: MetadataSettings,
  guarded: readonly string[] = [],
): (rawHeaders: readonly string[]) => MetadataEntry[] {
  const allowed = compileHeaders(settings.request);
  const forbidden = new Set(guarded.map(twin));
  const anything = settings.request.length > 0 || settings.forwardAuthorization;
  return function requestMetadata(rawHeaders) {
    const metadata: MetadataEntry[] = [];
    if (!anything) return metadata;
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const name = rawHeaders[i]!.toLowerCase();
      const key = allowedKey(name);
      if (key !== undefined) addValues(metadata, name, key, rawHeaders[i + 1]!);
    }
    if (metadata.length > MAX_SENT) throw tooMany(metadata.length);
    return metadata;
  };

  function allowedKey(name: string): string | undefined {
    const key = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name;
    if (key === 'authorization') return settings.forwardAuthorization && key === name ? key : undefined;
    if (!allowed(name) || key === '' || !isMetadataKey(key) || !maySend(twin(key)) || forbidden.has(twin(key)))
      return undefined;
    return key;
  }
}

function tooMany(found: number): Error {
  const text = `headers: expected at most ${MAX_SENT} that are passed on to the backend, got ${found}`;
  return gatewayError('TOO_MANY_HEADERS', text);
}

function twin(key: string): string {
  return key.replaceAll('_', '-');
}

/**
 * Adds one text value, or all binary values of a `-bin` header: proxies join those by commas (gRPC: PROTOCOL-HTTP2.md,
 * "split Binary-Headers on ','").
 */
function addValues(metadata: MetadataEntry[], name: string, key: string, value: string): void {
  if (key.endsWith('-bin')) {
    for (const one of value.split(',')) metadata.push([key, decodeBinary(name, one.trim())]);
  } else metadata.push([key, textValue(name, value)]);
}

function textValue(name: string, value: string): string {
  if (isMetadataText(value)) return value;
  throw invalidRequest('INVALID_METADATA', [
    { field: name, description: 'expected printable ASCII, got other characters' },
  ]);
}

/** Matches base64, padded or not (gRPC: PROTOCOL-HTTP2.md, "MUST accept padded and un-padded values"). */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

function decodeBinary(name: string, value: string): Uint8Array {
  if (BASE64.test(value)) return Buffer.from(value, 'base64');
  throw invalidRequest('INVALID_METADATA', [{ field: name, description: 'expected base64, got other text' }]);
}

/**
 * Translates the headers and trailers of an upstream's answer to HTTP response headers. The result has the values of each name.
 */
export type CompiledResponseHeaders = (headers: Metadata, trailers: Metadata) => ReadonlyMap<string, string[]>;

/**
 * Compiles the allow list into a function from an answer's headers and trailers to HTTP response headers. A key that is
 * listed by its own name keeps it; one listed as `grpc-metadata-KEY` gets the prefix. Trailers win over headers. A
 * `location` that is a path gets `basePath` in front, because the client sees all paths below it.
 */
export function compileResponseHeaders(settings: MetadataSettings, basePath = ''): CompiledResponseHeaders {
  const allowed = compileHeaders(settings.response);
  const nothing: ReadonlyMap<string, string[]> = new Map();
  return function responseHeaders(headers, trailers) {
    if (settings.response.length === 0) return nothing;
    const merged = new Map<string, string[]>();
    for (const part of [headers, trailers]) {
      for (const [name, values] of collect(part)) merged.set(name, values);
    }
    const location = basePath === '' ? undefined : merged.get('location');
    if (location !== undefined)
      merged.set(
        'location',
        location.map((path) => below(basePath, path)),
      );
    return merged;
  };

  function collect(metadata: Metadata): Map<string, string[]> {
    const collected = new Map<string, string[]>();
    for (const [key, value] of metadata) {
      const name = returnedName(key);
      if (name === undefined) continue;
      const text = typeof value === 'string' ? value : Buffer.from(value).toString('base64');
      const values = collected.get(name);
      if (values === undefined) collected.set(name, [text]);
      else values.push(text);
    }
    return collected;
  }

  function returnedName(key: string): string | undefined {
    if (NEVER_RETURNED.has(key) || key.startsWith('grpc-') || key.startsWith(':')) return undefined;
    if (allowed(key)) return key;
    return allowed(PREFIX + key) ? PREFIX + key : undefined;
  }
}

/** Puts the base path in front of a path such as `/v1/orders/7`. Other references are returned unchanged (RFC 3986 §4.2). */
function below(basePath: string, reference: string): string {
  return /^\/(?!\/)/.test(reference) ? basePath + reference : reference;
}

/** Returns the HTTP status that the upstream chose by `x-http-status` metadata; undefined unless it is a 2xx or 3xx status. */
export function statusFromMetadata(headers: Metadata, trailers: Metadata): number | undefined {
  for (const metadata of [trailers, headers]) {
    for (const [key, value] of metadata) {
      if (key === 'x-http-status' && typeof value === 'string' && /^[23]\d\d$/.test(value)) return Number(value);
    }
  }
  return undefined;
}

/** Returns a function that tells whether a name in lower case matches one of the patterns. */
function compileHeaders(patterns: readonly string[]): (name: string) => boolean {
  return compilePatterns(patterns.map((pattern) => pattern.toLowerCase()));
}
