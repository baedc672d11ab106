/**
 * The error details that the gateway writes by itself (google/rpc/error_details.proto), in their ProtoJSON form as
 * they stand in `details`: an object with `@type`.
 */

export type ErrorDetail = Readonly<Record<string, unknown>> & { readonly '@type': string };

export interface FieldViolation {
  /** JSON or query path as the client wrote it: `lines[3].qty`, `page_size`. */
  readonly field: string;
  /** What was expected and what was found: `expected int32, got "a"`. */
  readonly description: string;
}

/** What is wrong with the request, field by field. */
export function badRequestDetail(fieldViolations: readonly FieldViolation[]): ErrorDetail {
  return { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations };
}

/** A stable reason, `UPPER_SNAKE_CASE`, of an error that the gateway itself decided on. */
export function errorInfoDetail(reason: string, metadata: Readonly<Record<string, string>> = {}): ErrorDetail {
  return { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'protogate', metadata };
}

/** When a retry makes sense. */
export function retryInfoDetail(retryDelayMs: number): ErrorDetail {
  return { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${retryDelayMs / 1000}s` };
}
