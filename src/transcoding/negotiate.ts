/**
 * This module decides which request bodies are accepted: uncompressed JSON in UTF-8; every other one is a 415 with a hint
 * (docs/http-mapping.md#request-body). It also chooses the kind of answer that a client prefers.
 */
import type { IncomingMessage } from 'node:http';
import accepts from 'accepts';
import { gatewayError } from '../status/status-error.js';
import type { ElementForm } from './stream/json-elements.js';

/**
 * Throws 415 unless the body is JSON. An absent content type counts as JSON, unless the caller is known by a cookie: a
 * foreign web page can send a body without a content type, and its browser sends no preflight first.
 */
export function requireJson(contentType: string | undefined, fromCookie = false): void {
  requireType(contentType, fromCookie, 'application/json');
}

/** The end of the error text for a type that is not JSON, because `curl -d` sends a form unless it is told otherwise. */
const CURL_HINT = " (curl: add -H 'content-type: application/json')";

/** Throws 415 unless the content type is JSON. `expected` is a part of the error text. */
function requireType(contentType: string | undefined, fromCookie: boolean, expected: string): void {
  if (contentType === 'application/json' || (contentType === undefined && !fromCookie)) return;
  if (contentType === undefined) throw unsupported(`content-type: expected ${expected}, got none`);
  const { type, parameters } = parsed(contentType);
  if (type !== 'application/json' && !/^[a-z]+\/[a-z0-9.!#$&^_-]+\+json$/.test(type)) {
    throw unsupported(`content-type: expected ${expected}, got ${quote(type)}${CURL_HINT}`);
  }
  requireUtf8(parameters);
}

function parsed(contentType: string): { readonly type: string; readonly parameters: readonly string[] } {
  const [type = '', ...parameters] = contentType.split(';').map((part) => part.trim().toLowerCase());
  return { type, parameters };
}

function requireUtf8(parameters: readonly string[]): void {
  for (const parameter of parameters) {
    const [name, value = ''] = parameter.split('=', 2);
    if (name === 'charset' && !/^"?utf-?8"?$/.test(value)) {
      throw unsupported(`content-type: expected charset utf-8, got ${quote(value)}`);
    }
  }
}

/** Returns the form of a streamed body. Throws 415 unless it is JSON or lines of JSON. */
export function requireJsonStream(contentType: string | undefined, fromCookie: boolean): ElementForm {
  const { type, parameters } = parsed(contentType ?? '');
  if (type === 'application/x-ndjson' || type === 'application/jsonl') {
    requireUtf8(parameters);
    return 'lines';
  }
  requireType(contentType, fromCookie, 'application/x-ndjson or application/json');
  return 'json';
}

/** Throws 415 if the body is compressed. */
export function requireIdentity(contentEncoding: string | undefined): void {
  if (contentEncoding === undefined || contentEncoding.trim().toLowerCase() === 'identity') return;
  throw unsupported(`content-encoding: expected a body without compression (identity), got ${quote(contentEncoding)}`);
}

/**
 * Returns that one of `types` which the client prefers, or the first one if the client has no preference; undefined when it
 * accepts none of them.
 */
export function preferredType(accept: string | undefined, types: readonly string[]): string | undefined {
  // The offered types have no parameters, so all parameters but `q` are dropped: `application/json; charset=utf-8` asks for
  // JSON.
  const bare = accept?.replace(/;\s*(?!q\s*=)[^;,]*/gi, '');
  const headers = bare === undefined ? {} : { accept: bare };
  const type = accepts({ headers } as IncomingMessage).types([...types]);
  return typeof type === 'string' ? type : undefined;
}

function unsupported(message: string): Error {
  return gatewayError('UNSUPPORTED_MEDIA_TYPE', message);
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}
