/** Reads the request target and decides which surface the request belongs to. There is one surface for now. */
import type { Middleware } from '../../exchange/exchange.js';
import { parseTarget } from '../request-target.js';

export function surface(): Middleware {
  return function surface({ req, state }, next) {
    const { authority, rawPath, rawQuery } = parseTarget(req);
    state.authority = authority;
    state.rawPath = rawPath;
    state.rawQuery = rawQuery;
    return next();
  };
}
