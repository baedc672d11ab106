/** How long a client wants to wait at most (rule 30): `grpc-timeout: 500m`, `x-request-timeout: 0.5`. */
import { parseGrpcTimeout, parseRequestTimeout } from '../call/deadline.js';
import { invalidRequest } from '../status/status-error.js';
import type { HeaderValue } from './headers.js';

export interface ClientTimeout {
  readonly timeoutMs: number;
  /** Who says so. */
  readonly header: string;
}

/** The shorter one; undefined: neither was sent. Throws 400 for a value that is none. */
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
