/**
 * The error details that the gateway itself writes (google/rpc/error_details.proto), in the form that they have in the JSON
 * list `details`: an object with `@type`.
 */

import type { Reason } from './reasons.js';

/** One error detail in ProtoJSON form: an object with `@type` and the fields of the message. */
export type ErrorDetail = Readonly<Record<string, unknown>> & { readonly '@type': string };

export interface FieldViolation {
  /** The JSON path or the query parameter as the client wrote it: `lines[3].qty`, `page_size`. */
  readonly field: string;
  /** The text that says what was expected and what was found: `expected int32, got "a"`. */
  readonly description: string;
}

/** Returns the detail that lists the invalid fields of a request (google.rpc.BadRequest). */
export function badRequestDetail(fieldViolations: readonly FieldViolation[]): ErrorDetail {
  return { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations };
}

/** Returns the detail with the reason of an error that the gateway itself raises (google.rpc.ErrorInfo). */
export function errorInfoDetail(reason: Reason): ErrorDetail {
  return { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'protogate', metadata: {} };
}

/** Returns the detail with the time after which a retry makes sense (google.rpc.RetryInfo). */
export function retryInfoDetail(retryDelayMs: number): ErrorDetail {
  return { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${retryDelayMs / 1000}s` };
}
