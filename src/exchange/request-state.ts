/**
 * The public view of a request: what an embedder's own middleware reads in Koa's `ctx.state`. The gateway fills it in on
 * the way of the request (docs/request.md); docs/library.md shows which fields are there at which place.
 */
import type { Middleware as KoaMiddleware, ParameterizedContext } from 'koa';
import type { Principal } from '../call/principal.js';

/** The fields of `ctx.state` that the gateway fills in. */
export interface RequestState {
  /** The `x-request-id` of this request and its answer. */
  readonly requestId: string;
  /** The address of the client: that of the connection, or the one that trusted proxies report. */
  readonly clientAddress: string;
  /** The request's path as it was sent: not decoded, without the query and the base path of the surface. */
  readonly rawPath: string;
  /** The part of the request target after `?`, as it was sent. It is empty if there is none. */
  readonly rawQuery: string;
  /** The route that the request has matched. Undefined in `beforeMatch`. */
  readonly route: MatchedRoute | undefined;
  /** The decoded values of the path variables, in the order of the path template. It is empty in `beforeMatch`. */
  readonly captures: readonly string[];
  /** The caller. Undefined in `beforeMatch`, on public routes, and for callers that are not known. */
  readonly principal: Principal | undefined;
}

/** The route that a request has matched: one `google.api.http` rule of one method. */
export interface MatchedRoute {
  readonly binding: {
    /** The called method. `fullName` is such as `shop.v1.Orders/GetOrder`. */
    readonly method: { readonly fullName: string };
    /** The path template. `text` is such as `/v1/{name=orders/*}`. */
    readonly template: { readonly text: string };
  };
  /** The name of the upstream that serves the route. Undefined for an aggregate. */
  readonly upstream: string | undefined;
}

/** The Koa context that own middleware gets. */
export type Context = ParameterizedContext<RequestState>;

/**
 * Koa middleware of an embedder. It runs at one of two places: before a route is matched (`beforeMatch`), or when the
 * caller is known and may call (`afterAuth`). It throws a StatusError to refuse the request.
 */
export type Middleware = KoaMiddleware<RequestState>;
