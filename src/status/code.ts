/** The gRPC status codes (google/rpc/code.proto), with their numbers in `grpc-status`. */
export enum Code {
  OK = 0,
  CANCELLED = 1,
  UNKNOWN = 2,
  INVALID_ARGUMENT = 3,
  DEADLINE_EXCEEDED = 4,
  NOT_FOUND = 5,
  ALREADY_EXISTS = 6,
  PERMISSION_DENIED = 7,
  RESOURCE_EXHAUSTED = 8,
  FAILED_PRECONDITION = 9,
  ABORTED = 10,
  OUT_OF_RANGE = 11,
  UNIMPLEMENTED = 12,
  INTERNAL = 13,
  UNAVAILABLE = 14,
  DATA_LOSS = 15,
  UNAUTHENTICATED = 16,
}

/**
 * Returns the code for the number in `grpc-status`. It is UNKNOWN for a number that gRPC does not define (gRPC:
 * statuscodes.md).
 */
export function codeFromNumber(value: number): Code {
  return Number.isInteger(value) && value >= 0 && value <= 16 ? value : Code.UNKNOWN;
}
