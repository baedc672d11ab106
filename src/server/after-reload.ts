/**
 * Whether a request that is being served would be let in by another snapshot: asked of open streams after a reload. It goes
 * the way of a new request as far as its messages: Origin, route, and whatever guards the route.
 */
import type { Principal } from '../call/principal.js';
import type { Context, Route, Snapshot } from '../exchange/exchange.js';
import { handshakeOf } from '../exchange/handshake.js';
import { gatewayError, type StatusError } from '../status/status-error.js';
import { parseTarget } from './request-target.js';
import { requireAllowed } from './stages/cors.js';

/** The caller as the snapshot knows it; undefined: nobody, and nobody need be known. Throws the StatusError of a refusal. */
export async function readmit(ctx: Context, snapshot: Snapshot): Promise<Principal | undefined> {
  const { req, state } = ctx;
  const surface = snapshot.surfaces.find(({ name }) => name === state.surface.name);
  if (surface === undefined) throw routeGone();
  const isHandshake = handshakeOf(req) !== undefined;
  if (isHandshake) requireAllowed(surface.cors, req.headers.origin);
  const found = (isHandshake ? surface.webSockets : surface.table).match(req.method ?? 'GET', state.rawPath);
  if (found.kind !== 'found') throw routeGone();
  const { value: route, captures } = found;
  requireSameMessages(state.route!, route);
  // A query token was taken off when the request was let in.
  const { rawQuery } = parseTarget(req);
  const now = { ...state, snapshot, surface, route, captures, rawQuery, principal: undefined, fromCookie: false };
  await route.admission!.guard(Object.assign(Object.create(ctx) as Context, { state: now, res: MUTE }));
  const { principal } = now as Context['state'];
  if (principal !== undefined && state.principal !== undefined && !isSame(principal, state.principal))
    throw callerChanged();
  return principal;
}

/** Of a request with two credentials another one may count from now on; what its messages met was met by the first. */
function isSame(a: Principal, b: Principal): boolean {
  return a.issuer === b.issuer && a.subject === b.subject && JSON.stringify(a.claims) === JSON.stringify(b.claims);
}

/** What guards say of their refusals is for answers, and these are none. */
const MUTE = { setHeader: () => MUTE } as unknown as Context['res'];

/** Messages that have gone by are not there to be asked: what they must meet may be less than before, not more. */
function requireSameMessages(before: Route, after: Route): void {
  if (after.admission === undefined || after.binding.method.fullName !== before.binding.method.fullName)
    throw routeGone();
  const met = new Set(before.admission?.demands);
  if (!after.admission.demands.every((demand) => met.has(demand))) throw demandsChanged();
}

function routeGone(): StatusError {
  return gatewayError(403, 'ROUTE_WITHDRAWN', 'the stream ends: its route is not served any more');
}

function callerChanged(): StatusError {
  return gatewayError(401, 'CALLER_CHANGED', 'the stream ends: another of its credentials counts from now on');
}

function demandsChanged(): StatusError {
  return gatewayError(403, 'DEMANDS_CHANGED', 'the stream ends: its messages must meet other demands from now on');
}
