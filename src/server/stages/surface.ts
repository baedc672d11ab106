/**
 * Reads the request target and decides which surface the request belongs to. The host is that of the request target, of
 * `:authority` or of `Host`; `X-Forwarded-Host` never counts, because any client can send it. A request that belongs to no
 * surface gets the 404 of a path without a route.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { ClaimGroup, Context, Middleware, Snapshot, Surface } from '../../exchange/exchange.js';
import { handshakeOf } from '../../exchange/handshake.js';
import { noRoute } from '../../status/refusals.js';
import { parseTarget } from '../request-target.js';
import { pathBelow, pickByHeaders } from '../surface-choice.js';

export function surface(): Middleware {
  return function surface({ req, res, state }, next) {
    const { authority, rawPath, rawQuery } = parseTarget(req);
    state.authority = authority;
    state.rawPath = rawPath;
    state.rawQuery = rawQuery;
    const { snapshot } = state;
    const chosen = surfaceOf(snapshot, req, authority, rawPath);
    const { varies } = chosen ?? snapshot.unclaimed;
    if (varies !== '') res.setHeader('vary', varies);
    if (chosen === undefined) {
      throw noRoute(handshakeOf(req) === undefined ? (req.method ?? 'GET') : 'a WebSocket at', rawPath);
    }
    state.surface = chosen;
    if (chosen.basePath !== '') state.rawPath = pathBelow(chosen.basePath, rawPath);
    return next();
  };
}

/** Returns the surface of a request. Undefined when it belongs to none, or to one that runs in another gateway. */
export function surfaceOf(
  { only, choose, unclaimed }: Snapshot,
  req: Context['req'],
  authority: string,
  rawPath: string,
): Surface | undefined {
  if (only !== undefined) return only;
  const chosen = choose(authority, rawPath, req.headers, isPreflight(req) ? pickForPreflight : pickByHeaders);
  return chosen === unclaimed ? undefined : chosen;
}

/** True for a request with which a browser asks whether a page may send another one. */
function isPreflight({ method, headers }: Context['req']): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}

/**
 * A preflight does not have the headers of the request that follows, so host and base path decide. If several surfaces
 * have them, it is answered by one that allows the origin. The request that follows is checked by its own surface.
 */
function pickForPreflight(group: ClaimGroup<Surface>, { origin = '' }: IncomingHttpHeaders): Surface | undefined {
  return (group.find(({ value: { cors } }) => cors?.allows(origin)) ?? group.at(-1))?.value;
}
