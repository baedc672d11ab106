/** The errors that follow from the request line and the headers alone. The server and `protogate explain` use the same ones. */
import { hintOf } from '../base/did-you-mean.js';
import { gatewayError, type StatusError } from './status-error.js';

export const NO_TUNNEL = gatewayError('METHOD_NOT_IMPLEMENTED', 'method: CONNECT is not supported');
export const HEAD_TOO_LARGE = gatewayError('HEADERS_TOO_LARGE', 'headers: too large; send fewer or shorter headers');

export function malformed(what: string): StatusError {
  return gatewayError('MALFORMED_REQUEST', `malformed HTTP request: ${what}`);
}

export function badTarget(message: string): StatusError {
  return gatewayError('BAD_REQUEST_TARGET', message);
}

/**
 * Returns the error for an invalid host name. `what` is the part of the request that contains it: `host` or `request target`.
 */
export function badHost(what: string, found: string): StatusError {
  return badTarget(
    `${what}: expected a host name or an IP address, with or without a port, got ${JSON.stringify(found.slice(0, 40))}`,
  );
}

export function malformedPath(reason: string): StatusError {
  return gatewayError('MALFORMED_PATH', `path: ${reason}`);
}

/**
 * Returns the error for a path without a route. `what` is the HTTP method, or `a WebSocket at`. `near` is the route that was
 * probably meant; undefined if there is no similar one.
 */
export function noRoute(what: string, rawPath: string, near?: string): StatusError {
  const shown = rawPath.length <= 120 ? rawPath : `${rawPath.slice(0, 120)}…`;
  return gatewayError('ROUTE_NOT_FOUND', `no route for ${what} ${shown}${hintOf(near)}`);
}

export function methodNotAllowed(method: string, allow: readonly string[]): StatusError {
  const allowed = allow.join(', ');
  const headers = { allow: allowed };
  return gatewayError('METHOD_NOT_ALLOWED', `method: expected one of ${allowed}, got ${method}`, { headers });
}

/**
 * Returns the error for a request from a page of a foreign origin. Only the log has the origin, so that the operator can add it
 * to `cors.origins`. `origin` is undefined if the request has none.
 */
export function foreignOrigin(expected: string, origin: string | undefined): StatusError {
  const found = origin === undefined ? 'none' : JSON.stringify(origin.slice(0, 80));
  const logText = `origin: ${expected}, got ${found}`;
  return gatewayError('FOREIGN_ORIGIN', `origin: ${expected}, got another`, { logText });
}

/**
 * Returns the error for a caller without permission. `unmet` is the condition that the caller does not fulfil; only the log has
 * it. `index` is the index of the refused message in a client stream; undefined outside of a stream.
 */
export function notAllowed(unmet: string, index?: number): StatusError {
  const place = index === undefined ? '' : `[${index}]: `;
  return gatewayError('NOT_ALLOWED', `${place}the caller is not allowed to do this`, {
    logText: `${place}expected ${unmet}`,
  });
}
