/**
 * This module reads how long a client is willing to wait, from `grpc-timeout: 500m` (gRPC's unit letters) or
 * `x-request-timeout: 0.5` (seconds). docs/http-mapping.md#deadlines says which deadline counts.
 */
import { parseGrpcTimeout, parseRequestTimeout } from '../call/deadline.js';
import { invalidRequest } from '../status/status-error.js';
import type { HeaderValue } from './headers.js';

export interface ClientTimeout {
  readonly timeoutMs: number;
  /** The name of the header that set the timeout. */
  readonly header: string;
}

/** Returns the shorter of the two timeouts; undefined when neither header was sent. Throws 400 for a malformed value. */
export function clientTimeout(grpcTimeout: HeaderValue, requestTimeout: HeaderValue): ClientTimeout | undefined {
  const grpc = timeoutOf('grpc-timeout', grpcTimeout, parseGrpcTimeout, 'a gRPC timeout such as 500m');
  const plain = timeoutOf('x-request-timeout', requestTimeout, parseRequestTimeout, 'seconds such as 1.5');
  if (grpc === undefined || plain === undefined) return grpc ?? plain;
  return grpc.timeoutMs <= plain.timeoutMs ? grpc : plain;
}

function timeoutOf(
  header: string,
  value: HeaderValue,
  parse: (text: string) => number | undefined,
  expected: string,
): ClientTimeout | undefined {
  if (value === undefined) return undefined;
  const timeoutMs = parse(String(value));
  if (timeoutMs !== undefined) return { timeoutMs, header };
  const found = JSON.stringify(String(value).slice(0, 40));
  throw invalidRequest('INVALID_TIMEOUT', [{ field: header, description: `expected ${expected}, got ${found}` }]);
}
