/**
 * This module has the error details that the gateway itself writes (google/rpc/error_details.proto), in the ProtoJSON
 * form in which `details` contains them: an object with `@type`.
 */

import type { Reason } from './reasons.js';

/** One detail in ProtoJSON form: an object with `@type` and the fields of the message. */
export type ErrorDetail = Readonly<Record<string, unknown>> & { readonly '@type': string };

export interface FieldViolation {
  /** The JSON path or the query parameter as the client wrote it: `lines[3].qty`, `page_size`. */
  readonly field: string;
  /** The text with what was expected and what was found: `expected int32, got "a"`. */
  readonly description: string;
}

/** Returns the details of a request with errors, field by field. */
export function badRequestDetail(fieldViolations: readonly FieldViolation[]): ErrorDetail {
  return { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations };
}

/** Returns the details of an error that the gateway itself raises. */
export function errorInfoDetail(reason: Reason): ErrorDetail {
  return { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'protogate', metadata: {} };
}

/** Returns the details with the time after which a retry makes sense. */
export function retryInfoDetail(retryDelayMs: number): ErrorDetail {
  return { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${retryDelayMs / 1000}s` };
}
