/**
 * Checks after a reload whether the request of an open stream would be accepted by the new snapshot. The check repeats what a
 * new request passes before its messages are read: Origin, route, and the guards of the route.
 */
import type { Principal } from '../call/principal.js';
import type { Context, Route, Snapshot } from '../exchange/exchange.js';
import { handshakeOf } from '../exchange/handshake.js';
import { gatewayError, type StatusError } from '../status/status-error.js';
import { parseTarget } from './request-target.js';
import { requireAllowed } from './stages/cors.js';
import { surfaceOf } from './stages/surface.js';
import { pathBelow } from './surface-choice.js';

/**
 * Returns the caller as `snapshot` knows it; undefined for an anonymous caller, whom the route allows. Throws the StatusError
 * of a refusal.
 */
export async function readmit(ctx: Context, snapshot: Snapshot): Promise<Principal | undefined> {
  const { req, state } = ctx;
  // The query is read again, because a token in it was removed from `state.rawQuery` when the request was accepted.
  const target = parseTarget(req);
  const surface = surfaceOf(snapshot, req, target.authority, target.rawPath);
  if (surface?.name !== state.surface.name) throw routeGone();
  const rawPath = pathBelow(surface.basePath, target.rawPath);
  const isHandshake = handshakeOf(req) !== undefined;
  if (isHandshake) requireAllowed(surface.cors, req.headers.origin);
  const found = (isHandshake ? surface.webSockets : surface.table).match(req.method ?? 'GET', rawPath);
  if (found.kind !== 'found') throw routeGone();
  const { captures } = found;
  const route = found.value();
  requireSameMessages(state.route!, route);
  const { rawQuery } = target;
  const asked = { surface, route, captures, rawPath, rawQuery };
  const now = { ...state, snapshot, ...asked, principal: undefined, fromCookie: false };
  await route.admission!.guard(Object.assign(Object.create(ctx) as Context, { state: now, res: IGNORED_RESPONSE }));
  const { principal } = now as Context['state'];
  if (principal !== undefined && state.principal !== undefined && !isSame(principal, state.principal))
    throw callerChanged();
  return principal;
}

/**
 * True if both are the same caller. A request may carry two credentials, and a reload may change which of them counts. But
 * the earlier messages of the stream were checked for the first caller.
 */
function isSame(a: Principal, b: Principal): boolean {
  return a.issuer === b.issuer && a.subject === b.subject && JSON.stringify(a.claims) === JSON.stringify(b.claims);
}

/** Stands in for the response: guards set headers for the answer to a refusal, and here no answer is sent. */
const IGNORED_RESPONSE = { setHeader: () => IGNORED_RESPONSE } as unknown as Context['res'];

/**
 * Throws unless the method is the same and its messages have to meet no new demand: earlier messages cannot be checked again.
 */
function requireSameMessages(before: Route, after: Route): void {
  if (after.admission === undefined || after.binding.method.fullName !== before.binding.method.fullName)
    throw routeGone();
  const met = new Set(before.admission?.demands);
  if (!after.admission.demands.every((demand) => met.has(demand))) throw demandsChanged();
}

function routeGone(): StatusError {
  return gatewayError('ROUTE_WITHDRAWN', 'the stream ends because its route is no longer served');
}

function callerChanged(): StatusError {
  return gatewayError('CALLER_CHANGED', 'the stream ends because its credentials now identify another caller');
}

function demandsChanged(): StatusError {
  return gatewayError('DEMANDS_CHANGED', 'the stream ends because its messages must now meet other conditions');
}
