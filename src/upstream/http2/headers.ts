/** The headers of a request and of an answer, in the form that `node:http2` uses. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import type { Clock } from '../../base/clock.js';
import type { CallRequest } from '../../call/call.js';
import { isReservedMetadataKey, type Metadata, type MetadataEntry } from '../../call/metadata.js';
import { binaryValues, grpcTimeout, metadataValue } from '../protocol.js';
import type { ReceivedHeaders } from '../rpc.js';

/**
 * Returns the function that makes the headers of a call. The calls of an aggregate share their metadata, so it is converted
 * only once.
 */
export function requestHeaders(scheme: 'http' | 'https', authority: string, clock: Clock) {
  const common = new WeakMap<Metadata, OutgoingHttpHeaders>();
  /** Returns the headers of a call. Throws a TypeError for illegal metadata. */
  return function headersOf({ method, metadata, deadline }: CallRequest): OutgoingHttpHeaders {
    let shared = common.get(metadata);
    if (shared === undefined) {
      shared = {
        ':method': 'POST',
        ':scheme': scheme,
        ':authority': authority,
        te: 'trailers',
        'content-type': 'application/grpc',
        'user-agent': 'protogate',
        'grpc-accept-encoding': 'identity, gzip',
      };
      addMetadata(shared, metadata);
      common.set(metadata, shared);
    }
    const headers: OutgoingHttpHeaders = { ...shared, ':path': method.path };
    const timeout = deadline && grpcTimeout(deadline.at - clock.now());
    if (timeout !== undefined) headers['grpc-timeout'] = timeout;
    return headers;
  };
}

/** Adds metadata to the headers. Throws a TypeError for an illegal key or value. */
function addMetadata(headers: OutgoingHttpHeaders, metadata: Metadata): void {
  for (const [key, value] of metadata) {
    if (isReservedMetadataKey(key)) continue;
    const text = metadataValue(key, value);
    const before = headers[key];
    if (before === undefined) headers[key] = text;
    else if (Array.isArray(before)) before.push(text);
    else headers[key] = [String(before), text];
  }
}

/** The headers or trailers that Node has read. */
export class Http2Headers implements ReceivedHeaders {
  constructor(private readonly headers: IncomingHttpHeaders) {}

  get(name: string): string | undefined {
    const value: unknown = this.headers[name];
    const last: unknown = Array.isArray(value) ? value.at(-1) : value;
    return last === undefined ? undefined : String(last);
  }

  /**
   * Returns the headers that are metadata, without those that HTTP/2 and gRPC use themselves. Several values of one key keep
   * their order.
   */
  metadata(): Metadata {
    const { headers } = this;
    const entries: MetadataEntry[] = [];
    for (const key of Object.keys(headers)) {
      const value = headers[key];
      if (value === undefined || isReservedMetadataKey(key)) continue;
      for (const one of Array.isArray(value) ? value : [value]) {
        if (!key.endsWith('-bin')) entries.push([key, one]);
        else for (const bytes of binaryValues(one)) entries.push([key, bytes]);
      }
    }
    return entries;
  }
}
