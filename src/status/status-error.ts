import { Code } from './code.js';
import { badRequestDetail, type ErrorDetail, errorInfoDetail, type FieldViolation } from './details.js';
import { codeToHttpStatus, httpStatusToCode } from './http.js';

/** The metadata that an upstream sent with its status: keys are lower-case, values are bytes if the key ends in `-bin`. */
export interface StatusMetadata {
  readonly headers: readonly (readonly [key: string, value: string | Uint8Array])[];
  readonly trailers: StatusMetadata['headers'];
}

export interface StatusErrorOptions {
  /** Overrides the HTTP status that the code maps to (404, 405, 413, …). */
  readonly httpStatus?: number;
  /** Details in ProtoJSON form. */
  readonly details?: readonly ErrorDetail[];
  /** Response headers that belong to the error: `Allow`, `WWW-Authenticate`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** `gateway`: decided here, its message is safe to show. `upstream`: what an upstream or the way to it said. */
  readonly source?: 'gateway' | 'upstream';
  /** `grpc-status-details-bin` of an upstream's answer, undecoded. */
  readonly statusDetailsBin?: Uint8Array;
  /** Present if an upstream itself ended the call with this status; absent for what happened on the way to it. */
  readonly metadata?: StatusMetadata;
  /** True if the call never reached the upstream: trying it again does no harm. */
  readonly unsent?: boolean;
  /** True if the connection cannot be used further, as after a refused body. */
  readonly closeConnection?: boolean;
  /** The truth for the log; never shown to a client. */
  readonly cause?: unknown;
}

/**
 * A request-time failure: thrown once, wherever it is found, and written in one place (`server/stages/errors.ts`).
 * `message` is written for the client, unless `source` is `upstream`: then `client-text.ts` decides whether to show it.
 */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly code: Code;
  readonly httpStatus: number;
  readonly details: readonly ErrorDetail[];
  readonly headers: Readonly<Record<string, string>>;
  readonly source: 'gateway' | 'upstream';
  readonly statusDetailsBin: Uint8Array | undefined;
  readonly metadata: StatusMetadata | undefined;
  readonly unsent: boolean;
  readonly closeConnection: boolean;

  constructor(code: Code, message: string, options: StatusErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.httpStatus = options.httpStatus ?? codeToHttpStatus(code);
    this.details = options.details ?? [];
    this.headers = options.headers ?? {};
    this.source = options.source ?? 'gateway';
    this.statusDetailsBin = options.statusDetailsBin;
    this.metadata = options.metadata;
    this.unsent = options.unsent ?? false;
    this.closeConnection = options.closeConnection ?? false;
  }
}

/** A 400 that names what is wrong, field by field; the message repeats the first violation. */
export function invalidRequest(reason: string, violations: readonly FieldViolation[]): StatusError {
  const [first] = violations;
  const message = first === undefined ? 'invalid request' : `${first.field}: ${first.description}`;
  return new StatusError(Code.INVALID_ARGUMENT, message, {
    details: [badRequestDetail(violations), errorInfoDetail(reason)],
  });
}

/** An answer of the gateway's own by HTTP status; the gRPC code follows from it. */
export function gatewayError(
  httpStatus: number,
  reason: string,
  message: string,
  options: Omit<StatusErrorOptions, 'httpStatus' | 'source'> = {},
): StatusError {
  const details = [errorInfoDetail(reason), ...(options.details ?? [])];
  return new StatusError(httpStatusToCode(httpStatus), message, { ...options, httpStatus, details });
}
