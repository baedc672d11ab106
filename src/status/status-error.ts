import type { Code } from './code.js';
import { badRequestDetail, type ErrorDetail, errorInfoDetail, type FieldViolation } from './details.js';
import { codeToHttpStatus } from './http.js';
import { REASONS, type Reason } from './reasons.js';

/**
 * The metadata that an upstream has sent with its status. The keys are in lower case. The value is bytes if the key ends in
 * `-bin`.
 */
export interface StatusMetadata {
  readonly headers: readonly (readonly [key: string, value: string | Uint8Array])[];
  readonly trailers: StatusMetadata['headers'];
}

/** The optional parts of a StatusError. Its code and its message are required. */
export interface StatusErrorOptions {
  /** The HTTP status, if it is not the one that belongs to the gRPC code (404, 405, 413 and others). */
  readonly httpStatus?: number;
  /** The error details in ProtoJSON form. */
  readonly details?: readonly ErrorDetail[];
  /** Response headers that belong to the error: `Allow`, `WWW-Authenticate`. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * The source of the error. `gateway`: the gateway itself refuses the request, and the message may be shown to the client.
   * `upstream`: the error comes from an upstream or from the connection to it. It is `gateway` by default.
   */
  readonly source?: 'gateway' | 'upstream';
  /** The header `grpc-status-details-bin` of an upstream's answer as bytes, which are a google.rpc.Status. */
  readonly statusDetailsBin?: Uint8Array;
  /**
   * The metadata of an upstream that ended the call with this status. Absent when the call failed before the upstream answered.
   */
  readonly metadata?: StatusMetadata;
  /** True if the call never reached the upstream, so that a retry is safe. */
  readonly unsent?: boolean;
  /** True if the client's connection must be closed after the answer, for example because the rest of a body was not read. */
  readonly closeConnection?: boolean;
  /** The reason of an error that the gateway itself raises. Absent for the status of an upstream. */
  readonly reason?: Reason;
  /**
   * The text for the log, if it is not the message: because only the log may have a detail, or because it must not have the
   * client's input.
   */
  readonly logText?: string;
  /** The original error, for the log. It is never shown to a client. */
  readonly cause?: unknown;
}

/**
 * A failure of a request. It is thrown where it is found, and `server/stages/errors.ts` writes it as an answer. Its message is
 * meant for the client. If `source` is `upstream`, `client-text.ts` decides whether the message is shown.
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
  /** The text for the log. It is the message, unless only the log may have a detail, or it must not have the client's input. */
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

/** Returns an error (usually 400) that lists the invalid fields of a request. Its message is about the first one. */
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

/**
 * Returns the message without the value that the client has sent, because this may be secret or personal: `id: expected int32,
 * got "a"` → `id: expected int32`.
 */
function withoutInput(message: string): string {
  const at = message.indexOf(', got ');
  return at < 0 ? message : message.slice(0, at);
}

/**
 * Returns an error that the gateway raises for `reason`. Its gRPC code and HTTP status are those of the reason in `reasons.ts`.
 */
export function gatewayError(
  reason: Reason,
  message: string,
  options: Omit<StatusErrorOptions, 'httpStatus' | 'reason'> = {},
): StatusError {
  const { code, httpStatus } = REASONS[reason];
  const details = [errorInfoDetail(reason), ...(options.details ?? [])];
  return new StatusError(code, message, { ...options, httpStatus, details, reason });
}
