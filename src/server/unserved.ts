/** The endpoint of a route that the schema has and this gateway cannot serve: an honest 501. */
import { gatewayError } from '../status/status-error.js';
import type { Middleware } from './exchange.js';

export function unserved(message: string): Middleware {
  return async function unserved() {
    throw gatewayError(501, 'NOT_SERVED', message);
  };
}
