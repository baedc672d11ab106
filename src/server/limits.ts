/** What the head of a request may not be: transfer codings other than chunked (RFC 9112 §6.1: 501). */
import { gatewayError } from '../status/status-error.js';
import type { Middleware } from './exchange.js';

export function limits(): Middleware {
  return async function limits({ req }, next) {
    const coding = req.headers['transfer-encoding'];
    if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
      throw gatewayError(501, 'UNSUPPORTED_TRANSFER_CODING', 'transfer-encoding: expected chunked', {
        closeConnection: true,
      });
    }
    await next();
  };
}
