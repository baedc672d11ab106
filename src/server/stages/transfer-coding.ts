/**
 * Refuses transfer codings other than chunked (501, RFC 9112 §6.1), and chunked in HTTP/1.0, which has no transfer codings
 * (400): a proxy in between might disagree on where such a body ends.
 */

import type { Middleware } from '../../exchange/exchange.js';
import { gatewayError } from '../../status/status-error.js';

export function transferCoding(): Middleware {
  return function transferCoding({ req }, next) {
    const coding = req.headers['transfer-encoding'];
    if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
      throw gatewayError('UNSUPPORTED_TRANSFER_CODING', 'transfer-encoding: expected chunked, got another coding', {
        closeConnection: true,
      });
    }
    if (coding !== undefined && req.httpVersionMinor === 0) {
      throw gatewayError('UNEXPECTED_TRANSFER_CODING', 'transfer-encoding: expected none in HTTP/1.0, got one', {
        closeConnection: true,
      });
    }
    return next();
  };
}
