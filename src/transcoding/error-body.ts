/** This module writes a StatusError as the body of an HTTP error answer, in the format that `errors.format` names. */
import { STATUS_CODES } from 'node:http';
import type { MessageCodec } from '../codec/codec.js';
import { fieldValues } from '../codec/field-values.js';
import { JsonWriter } from '../codec/json-writer.js';
import { clientText, type ExposedCodes, isForClient } from '../status/client-text.js';
import { Code } from '../status/code.js';
import { type ErrorDetail, retryInfoDetail } from '../status/details.js';
import type { StatusError } from '../status/status-error.js';
import { encodeField } from './http-body.js';

export type ErrorFormat = 'status' | 'aip193' | 'problem';

export interface ErrorBody {
  readonly contentType: string;
  readonly body: string;
  /** The value of `Retry-After`: whole seconds, at least one. Undefined unless the status is 429 or 503. */
  readonly retryAfter: string | undefined;
}

export interface ErrorSettings {
  readonly format: ErrorFormat;
  readonly exposed: ExposedCodes;
  /** The codec of google.rpc.Status, which decodes the details of an upstream's answer; without it they are left out. */
  readonly statusCodec?: MessageCodec | undefined;
}

/**
 * Returns the body of the answer for an error. `advisedMs` is the delay that the upstream advised outside of the error's
 * details, in its `retry-after` metadata.
 */
export function errorBody(
  error: StatusError,
  requestId: string,
  { format, exposed, statusCodec }: ErrorSettings,
  advisedMs = RETRY_DELAY_MS,
): ErrorBody {
  const shown = isForClient(error, exposed);
  const message = clientText(error, requestId, exposed);
  const theirs = upstreamDetails(error, statusCodec).filter((detail) => mayLeave(detail, shown));
  const details = [...error.details, ...theirs];
  if (!COME_BACK.has(error.httpStatus)) return { ...FORMATS[format](error, message, details), retryAfter: undefined };
  const advised = details.some(isRetryInfo) ? details : [...details, retryInfoDetail(advisedMs)];
  return { ...FORMATS[format](error, message, advised), retryAfter: retryAfter(advised) };
}

/** The HTTP statuses that come with `Retry-After` and a RetryInfo. */
const COME_BACK: ReadonlySet<number> = new Set([429, 503]);
/** The retry delay when no other is known: about the time after which a failed connection is tried again. */
const RETRY_DELAY_MS = 1000;

function isRetryInfo(detail: ErrorDetail): boolean {
  return isOfType(detail, 'google.rpc.RetryInfo');
}

/** True if the detail has the named type. The URL of a type may begin with any prefix or none: upstreams differ in that. */
function isOfType(detail: ErrorDetail, name: string): boolean {
  // An empty Any has no type.
  const url = detail['@type'] ?? '';
  return url === name || url.endsWith(`/${name}`);
}

/** Returns the value of Retry-After (RFC 9110 §10.2.3). The delay in RetryInfo is a google.protobuf.Duration such as `2.5s`. */
function retryAfter(details: readonly ErrorDetail[]): string {
  const seconds = Number.parseFloat(String(details.find(isRetryInfo)?.retryDelay));
  return String(Math.max(1, Math.ceil(seconds) || 0));
}

type Rendered = Pick<ErrorBody, 'contentType' | 'body'>;

const FORMATS: Readonly<
  Record<ErrorFormat, (error: StatusError, message: string, details: readonly ErrorDetail[]) => Rendered>
> = {
  status: ({ code }, message, details) => json({ code, message, details }),
  // AIP-193 puts everything under `error`: `code` is the HTTP status, `status` is the name of the gRPC code.
  aip193: ({ code, httpStatus }, message, details) =>
    json({ error: { code: httpStatus, message, status: Code[code], details } }),
  // RFC 9457 §3.1 defines the members; any other member is an extension (§3.2).
  problem: ({ code, httpStatus }, message, details) => ({
    contentType: 'application/problem+json',
    body: JSON.stringify({
      type: 'about:blank',
      title: STATUS_CODES[httpStatus] ?? 'Error',
      status: httpStatus,
      detail: message,
      code,
      details,
    }),
  }),
};

function json(value: unknown): Rendered {
  return { contentType: 'application/json', body: JSON.stringify(value) };
}

/** Decodes `grpc-status-details-bin` (google.rpc.Status) into its details as JSON. A detail that does not parse is left out. */
function upstreamDetails({ statusDetailsBin }: StatusError, codec: MessageCodec | undefined): readonly ErrorDetail[] {
  const field = codec?.descriptor.fieldNamed('details');
  if (statusDetailsBin === undefined || codec === undefined || field === undefined) return [];
  return orNone(() => fieldValues(statusDetailsBin, field)).flatMap((detail) =>
    orNone(() => {
      const alone = OUT.collectString((out) => codec.write(encodeField(field, detail), out));
      return (JSON.parse(alone) as { details: readonly ErrorDetail[] }).details;
    }),
  );
}

const OUT = new JsonWriter();

function orNone<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read();
  } catch {
    return [];
  }
}

/**
 * True if the client may see the detail. It never sees DebugInfo, which has stack traces. If the error's text is hidden, it
 * sees only RetryInfo.
 */
function mayLeave(detail: ErrorDetail, shown: boolean): boolean {
  return shown ? !isOfType(detail, 'google.rpc.DebugInfo') : isRetryInfo(detail);
}
