import type { Code } from './code.js';
import { badRequestDetail, type ErrorDetail, errorInfoDetail, type FieldViolation } from './details.js';
import { codeToHttpStatus } from './http.js';
import { REASONS, type Reason } from './reasons.js';

/** The metadata that an upstream sent with its status: keys are lower-case, values are bytes if the key ends in `-bin`. */
export interface StatusMetadata {
  readonly headers: readonly (readonly [key: string, value: string | Uint8Array])[];
  readonly trailers: StatusMetadata['headers'];
}

/** The optional parts of a StatusError. Its code and its message are required. */
export interface StatusErrorOptions {
  /** The HTTP status, if it is not the one that belongs to the code (404, 405, 413 and others). */
  readonly httpStatus?: number;
  /** The details in ProtoJSON form. */
  readonly details?: readonly ErrorDetail[];
  /** Response headers that belong to the error: `Allow`, `WWW-Authenticate`. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * The source of the error. With `gateway` it was decided here, and its message is safe to show. With `upstream` it
   * comes from an upstream or from the connection to it.
   */
  readonly source?: 'gateway' | 'upstream';
  /** The header `grpc-status-details-bin` of an upstream's answer, not decoded. */
  readonly statusDetailsBin?: Uint8Array;
  /**
   * The metadata of an upstream that itself ended the call with this status. Absent when the call failed before the
   * upstream's answer.
   */
  readonly metadata?: StatusMetadata;
  /** True if the call never reached the upstream, so that a retry is safe. */
  readonly unsent?: boolean;
  /** True if the connection cannot be used further, as after a refused body. */
  readonly closeConnection?: boolean;
  /** The reason of an error that the gateway itself raises. */
  readonly reason?: Reason;
  /** The text for the log, where it says more than the client may know, or less than the client has sent. */
  readonly logText?: string;
  /** The original error, for the log. It is never shown to a client. */
  readonly cause?: unknown;
}

/**
 * A failure of a request. It is thrown where it is found, and written in one place (`server/stages/errors.ts`). Its
 * message is written for the client. If `source` is `upstream`, `client-text.ts` decides whether it is shown.
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
  /** The reason of an error that the gateway itself raised. Undefined for the status of an upstream. */
  readonly reason: Reason | undefined;
  /** The text for the log. It is the message, unless the log may know more than the client, or must not repeat its input. */
  readonly logText: string;

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
    this.reason = options.reason;
    this.logText = options.logText ?? message;
  }
}

/** Returns a 400 that lists the errors field by field. Its message repeats the first one. */
export function invalidRequest(reason: Reason, violations: readonly FieldViolation[]): StatusError {
  const [first] = violations;
  const message = first === undefined ? 'invalid request' : `${first.field}: ${first.description}`;
  const { code, httpStatus } = REASONS[reason];
  return new StatusError(code, message, {
    httpStatus,
    details: [badRequestDetail(violations), errorInfoDetail(reason)],
    reason,
    logText: withoutInput(message),
  });
}

/** Removes the value that the client has sent, because it may be secret or personal. The text still says what was expected. */
function withoutInput(message: string): string {
  const at = message.indexOf(', got ');
  return at < 0 ? message : message.slice(0, at);
}

/** Returns an error that the gateway raises for `reason`. `reasons.ts` has its gRPC code and HTTP status. */
export function gatewayError(
  reason: Reason,
  message: string,
  options: Omit<StatusErrorOptions, 'httpStatus' | 'reason'> = {},
): StatusError {
  const { code, httpStatus } = REASONS[reason];
  const details = [errorInfoDetail(reason), ...(options.details ?? [])];
  return new StatusError(code, message, { ...options, httpStatus, details, reason });
}
