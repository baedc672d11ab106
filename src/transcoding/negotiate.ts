/** Which request bodies are read at all (rule 12): JSON in UTF-8, as it is. Everything else is a 415 with a hint. */
import { gatewayError } from '../status/status-error.js';

/** Throws 415 unless the body is JSON. An absent content type counts as JSON. */
export function requireJson(contentType: string | undefined): void {
  if (contentType === undefined || contentType === 'application/json') return;
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
