/**
 * This module judges answers. While the upstream answers well, no request may get a 5xx of the gateway's own, all errors have
 * one shape, and no answer shows anything of the inside.
 */
import { Code } from '../../src/status/code.js';

export interface Judged {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  readonly body: Buffer;
  readonly isHead: boolean;
  /** True if the request has a header that sets a deadline; then 504 is an answer. */
  readonly hasDeadline: boolean;
}

/** The statuses of 5xx that say something about the request: a method, a transfer coding or a version that is not known. */
const ABOUT_THE_REQUEST = new Set([501, 505]);
const INSIDE = /\bat [\w.<>]+ \(|node:internal|\/node_modules\/|\/tmp\/|Error: |127\.0\.0\.1:\d|undefined|\[object /;

/** Returns what is wrong with an answer; undefined if nothing is. */
export function verdictOn({ status, header, body, isHead, hasDeadline }: Judged): string | undefined {
  if (status < 200 || status > 599) return `status ${status}`;
  if (header('x-content-type-options') !== 'nosniff') return 'no x-content-type-options';
  if (header('x-request-id') === undefined) return 'no x-request-id';
  if (status >= 500 && !ABOUT_THE_REQUEST.has(status) && !(status === 504 && hasDeadline)) {
    return `${status}: ${body.toString('utf8').slice(0, 300)}`;
  }
  if (status < 400) return isHead ? undefined : verdictOnContent(header('content-type') ?? '', body);
  if (isHead) return body.length === 0 ? undefined : 'a body for HEAD';
  if (!/^application\/json\b/.test(header('content-type') ?? '')) return `an error as ${header('content-type')}`;
  return verdictOnStatus(body);
}

/** The content of a good answer: JSON, lines of JSON, or events. A stream may end with an error. */
function verdictOnContent(type: string, body: Buffer): string | undefined {
  const text = body.toString('utf8');
  try {
    if (type.startsWith('application/json') && text !== '') JSON.parse(text);
    else if (type.startsWith('application/x-ndjson'))
      for (const line of text.split('\n')) if (line !== '') JSON.parse(line);
  } catch {
    return `content that is no ${type}: ${text.slice(0, 200)}`;
  }
  return undefined;
}

/** An error that the upstream has caused: one shape, nothing of the inside, and never a bug of the gateway (500 INTERNAL). */
export function verdictOnFailure(status: number, body: Buffer): string | undefined {
  if (status < 400 || status > 599) return `status ${status}`;
  return verdictOnStatus(body, true);
}

/** google.rpc.Status as JSON, with an ErrorInfo. `isOfUpstream`: the upstream may have caused it. */
export function verdictOnStatus(body: Buffer, isOfUpstream = false): string | undefined {
  const text = body.toString('utf8');
  if (INSIDE.test(text)) return `something of the inside: ${text.slice(0, 300)}`;
  let status: { code?: unknown; message?: unknown; details?: unknown };
  try {
    status = JSON.parse(text);
  } catch {
    return `an error that is no JSON: ${text.slice(0, 200)}`;
  }
  const { code, message, details } = status;
  if (typeof code !== 'number' || Code[code] === undefined || code === Code.OK) return `code ${JSON.stringify(code)}`;
  if (!isOfUpstream && (code === Code.INTERNAL || code === Code.UNKNOWN || code === Code.UNAVAILABLE))
    return `code ${Code[code]}: ${text}`;
  if (typeof message !== 'string' || message === '') return `message ${JSON.stringify(message)}`;
  if (!Array.isArray(details)) return `details ${JSON.stringify(details)}`;
  const reasons = details.filter((detail) => detail['@type'] === 'type.googleapis.com/google.rpc.ErrorInfo');
  if (reasons.some(({ reason }) => reason === 'INTERNAL')) return `a bug of the gateway: ${text}`;
  // An error of the service itself has what the service said.
  if (isOfUpstream && reasons.length === 0) return undefined;
  if (reasons.length !== 1 || typeof reasons[0].reason !== 'string') return `no reason: ${text.slice(0, 300)}`;
  return undefined;
}
