import { Code } from './code.js';

/** The HTTP status of each gRPC code (comments in google/rpc/code.proto). */
const HTTP_STATUS: Readonly<Record<Code, number>> = {
  [Code.OK]: 200,
  [Code.CANCELLED]: 499,
  [Code.UNKNOWN]: 500,
  [Code.INVALID_ARGUMENT]: 400,
  [Code.DEADLINE_EXCEEDED]: 504,
  [Code.NOT_FOUND]: 404,
  [Code.ALREADY_EXISTS]: 409,
  [Code.PERMISSION_DENIED]: 403,
  [Code.RESOURCE_EXHAUSTED]: 429,
  [Code.FAILED_PRECONDITION]: 400,
  [Code.ABORTED]: 409,
  [Code.OUT_OF_RANGE]: 400,
  [Code.UNIMPLEMENTED]: 501,
  [Code.INTERNAL]: 500,
  [Code.UNAVAILABLE]: 503,
  [Code.DATA_LOSS]: 500,
  [Code.UNAUTHENTICATED]: 401,
};

/** Returns the HTTP status for a gRPC code. */
export function codeToHttpStatus(code: Code): number {
  return HTTP_STATUS[code];
}

/** Returns true for the statuses whose answers have no content: 204, 205 and 304 (RFC 9110 §15.3.5, §15.3.6, §15.4.5). */
export function isWithoutContent(httpStatus: number): boolean {
  return httpStatus === 204 || httpStatus === 205 || httpStatus === 304;
}
