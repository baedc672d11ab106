/** Which request bodies are read at all (rule 12): JSON in UTF-8, as it is. Everything else is a 415 with a hint. */
import { gatewayError } from '../status/status-error.js';
import type { ElementForm } from './stream/json-elements.js';

/**
 * Throws 415 unless the body is JSON. An absent content type counts as JSON, unless the caller is known by a cookie: a
 * foreign page can send a body without one and never asks first.
 */
export function requireJson(contentType: string | undefined, fromCookie = false): void {
  if (contentType === 'application/json' || (contentType === undefined && !fromCookie)) return;
  if (contentType === undefined) throw unsupported('content-type: expected application/json, got none');
  const [type = '', ...parameters] = contentType.split(';').map((part) => part.trim().toLowerCase());
  if (type !== 'application/json' && !/^[a-z]+\/[a-z0-9.!#$&^_-]+\+json$/.test(type)) {
    throw unsupported(`content-type: expected application/json, got ${quote(type)} (curl: use --json)`);
  }
  for (const parameter of parameters) {
    const [name, value = ''] = parameter.split('=', 2);
    if (name === 'charset' && !/^"?utf-?8"?$/.test(value)) {
      throw unsupported(`content-type: expected charset utf-8, got ${quote(value)}`);
    }
  }
}

/** How a body that streams is written; throws 415 for what is neither JSON nor lines of it. */
export function requireJsonStream(contentType: string | undefined, fromCookie: boolean): ElementForm {
  const [type = ''] = (contentType ?? '').split(';', 1).map((part) => part.trim().toLowerCase());
  if (type === 'application/x-ndjson' || type === 'application/jsonl') return 'lines';
  requireJson(contentType, fromCookie);
  return 'array';
}

/** Throws 415 unless the body comes uncompressed. */
export function requireIdentity(contentEncoding: string | undefined): void {
  if (contentEncoding === undefined || contentEncoding.trim().toLowerCase() === 'identity') return;
  throw unsupported(`content-encoding: expected identity, got ${quote(contentEncoding)}`);
}

function unsupported(message: string): Error {
  return gatewayError(415, 'UNSUPPORTED_MEDIA_TYPE', message);
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}
