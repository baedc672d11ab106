/**
 * HTTP headers ⇄ gRPC metadata by allow list (rules 28 and 29). Both directions are closed: what no pattern of the
 * config names does not pass, and some names never pass, whatever a pattern says.
 */
import { isMetadataKey, isMetadataText, type Metadata, type MetadataEntry } from '../call/metadata.js';
import { gatewayError, invalidRequest } from '../status/status-error.js';

/** As Node hands a header over. */
export type HeaderValue = string | readonly string[] | undefined;

export interface MetadataSettings {
  /** Names of request headers that reach a backend; `*` at the end stands for any rest. */
  readonly request: readonly string[];
  /** Names of response metadata that reach a client. */
  readonly response: readonly string[];
  readonly forwardAuthorization: boolean;
}

const PREFIX = 'grpc-metadata-';

/**
 * Headers of one request that reach a backend. Node's HTTP/2 takes 128 with its own and the gateway's, and resets what has
 * more: that would look as if the backend had failed.
 */
const MAX_SENT = 100;

/** Headers of one connection (RFC 9110 §7.6.1, §11.7), which are never another's. */
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

/** Headers of the connection or of HTTP itself, and those that the gateway alone may set (rule 28). */
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

/** Response metadata that would break or forge the HTTP answer. */
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

/** True if identity may travel under this key: no other header of the client's or of the gateway's own has it. */
export function mayCarryIdentity(key: string): boolean {
  return maySend(key) && key !== 'authorization' && key !== 'cookie';
}

/**
 * Compiles the allow list into a function from Node's `rawHeaders` (name, value, name, value…) to metadata. `guarded`
 * are keys that no client's header passes under, whatever a pattern says: identity, and what carries credentials.
 * `x_user_id` counts as `x-user-id`: many servers see them as one.
 */
export function compileRequestMetadata(
  settings: MetadataSettings,
  guarded: readonly string[] = [],
): (rawHeaders: readonly string[]) => MetadataEntry[] {
  const allowed = compilePatterns(settings.request);
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
  const text = `headers: expected at most ${MAX_SENT} that go to the backend, got ${found}`;
  return gatewayError(431, 'TOO_MANY_HEADERS', text);
}

function twin(key: string): string {
  return key.replaceAll('_', '-');
}

/** One value; of bytes several, which proxies join by commas (gRPC: PROTOCOL-HTTP2.md, "split Binary-Headers on ','"). */
function addValues(metadata: MetadataEntry[], name: string, key: string, value: string): void {
  if (key.endsWith('-bin')) {
    for (const one of value.split(',')) metadata.push([key, decodeBinary(name, one.trim())]);
  } else metadata.push([key, textValue(name, value)]);
}

function textValue(name: string, value: string): string {
  if (isMetadataText(value)) return value;
  throw invalidRequest('INVALID_METADATA', [{ field: name, description: 'expected printable ASCII' }]);
}

/** Padded to a whole number of fours, or not at all (gRPC: PROTOCOL-HTTP2.md, "MUST accept padded and un-padded values"). */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

function decodeBinary(name: string, value: string): Uint8Array {
  if (BASE64.test(value)) return Buffer.from(value, 'base64');
  throw invalidRequest('INVALID_METADATA', [{ field: name, description: 'expected base64' }]);
}

/** An answer's headers and trailers → HTTP response headers. */
export type CompiledResponseHeaders = (headers: Metadata, trailers: Metadata) => ReadonlyMap<string, string[]>;

/**
 * Compiles the allow list into a function from an answer's headers and trailers to HTTP response headers. A key that is
 * listed by its own name keeps it; one listed as `grpc-metadata-KEY` gets the prefix. Trailers win over headers.
 */
export function compileResponseHeaders(settings: MetadataSettings): CompiledResponseHeaders {
  const allowed = compilePatterns(settings.response);
  const nothing: ReadonlyMap<string, string[]> = new Map();
  return function responseHeaders(headers, trailers) {
    if (settings.response.length === 0) return nothing;
    const merged = new Map<string, string[]>();
    for (const part of [headers, trailers]) {
      for (const [name, values] of collect(part)) merged.set(name, values);
    }
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

/** `x-http-status` metadata lets an upstream choose among the 2xx and 3xx statuses (rule 29). */
export function statusFromMetadata(headers: Metadata, trailers: Metadata): number | undefined {
  for (const metadata of [trailers, headers]) {
    for (const [key, value] of metadata) {
      if (key === 'x-http-status' && typeof value === 'string' && /^[23]\d\d$/.test(value)) return Number(value);
    }
  }
  return undefined;
}

/** Exact names and `prefix*` patterns, all in lower case. */
function compilePatterns(patterns: readonly string[]): (name: string) => boolean {
  const lower = patterns.map((pattern) => pattern.toLowerCase());
  const exact = new Set(lower.filter((pattern) => !pattern.endsWith('*')));
  const prefixes = lower.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1));
  return (name) => exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix));
}
