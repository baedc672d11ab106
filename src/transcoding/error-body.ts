/** StatusError → the body of an HTTP error answer, in the format that `errors.format` names. */
import { STATUS_CODES } from 'node:http';
import type { MessageCodec } from '../codec/codec.js';
import { fieldValues } from '../codec/field-values.js';
import { JsonWriter } from '../codec/json-writer.js';
import { clientText, type ExposedCodes, speaksToClient } from '../status/client-text.js';
import { Code } from '../status/code.js';
import { type ErrorDetail, retryInfoDetail } from '../status/details.js';
import type { StatusError } from '../status/status-error.js';
import { encodeField } from './http-body.js';

export type ErrorFormat = 'status' | 'aip193' | 'problem';

export interface ErrorBody {
  readonly contentType: string;
  readonly body: string;
  /** Of 429 and 503: whole seconds, at least one. */
  readonly retryAfter: string | undefined;
}

export interface ErrorSettings {
  readonly format: ErrorFormat;
  readonly exposed: ExposedCodes;
  /** The codec of google.rpc.Status, for the details of an upstream's answer; absent: they are left out. */
  readonly statusCodec?: MessageCodec | undefined;
}

/** Renders an error. `advisedMs`: when to come back, where the upstream says so beside the error's details. */
export function errorBody(
  error: StatusError,
  requestId: string,
  { format, exposed, statusCodec }: ErrorSettings,
  advisedMs = RETRY_DELAY_MS,
): ErrorBody {
  const shown = speaksToClient(error, exposed);
  const message = clientText(error, requestId, exposed);
  const theirs = upstreamDetails(error, statusCodec).filter((detail) => mayLeave(detail, shown));
  const details = [...error.details, ...theirs];
  if (!COME_BACK.has(error.httpStatus)) return { ...FORMATS[format](error, message, details), retryAfter: undefined };
  const advised = details.some(isRetryInfo) ? details : [...details, retryInfoDetail(advisedMs)];
  return { ...FORMATS[format](error, message, advised), retryAfter: retryAfter(advised) };
}

/** Rule 25: they say when to come back. */
const COME_BACK: ReadonlySet<number> = new Set([429, 503]);
/** Where nobody says: about as long as a connection takes to be tried again. */
const RETRY_DELAY_MS = 1000;

function isRetryInfo(detail: ErrorDetail): boolean {
  return isOfType(detail, 'google.rpc.RetryInfo');
}

/** Whatever stands before the name in its URL, if anything does: upstreams differ in that. */
function isOfType(detail: ErrorDetail, name: string): boolean {
  // An Any of nothing has no type.
  const url = detail['@type'] ?? '';
  return url === name || url.endsWith(`/${name}`);
}

/** RFC 9110 §10.2.3. The delay is a google.protobuf.Duration: `2.5s`. */
function retryAfter(details: readonly ErrorDetail[]): string {
  const seconds = Number.parseFloat(String(details.find(isRetryInfo)?.retryDelay));
  return String(Math.max(1, Math.ceil(seconds) || 0));
}

type Rendered = Pick<ErrorBody, 'contentType' | 'body'>;

const FORMATS: Readonly<
  Record<ErrorFormat, (error: StatusError, message: string, details: readonly ErrorDetail[]) => Rendered>
> = {
  status: ({ code }, message, details) => json({ code, message, details }),
  // AIP-193: the HTTP status as `code`, the name of the gRPC code as `status`, all under `error`.
  aip193: ({ code, httpStatus }, message, details) =>
    json({ error: { code: httpStatus, message, status: Code[code], details } }),
  // RFC 9457 §3.1; members that it does not know are extensions (§3.2).
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

/** `grpc-status-details-bin` (google.rpc.Status) → its details as JSON. What does not parse costs nothing but itself. */
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

/** DebugInfo is stack traces; of an error whose text is hidden only the advice on retrying passes. */
function mayLeave(detail: ErrorDetail, shown: boolean): boolean {
  return shown ? !isOfType(detail, 'google.rpc.DebugInfo') : isRetryInfo(detail);
}
