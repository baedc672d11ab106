/**
 * What one request knows about itself on its way through the pipeline: Koa's `ctx.state`. Each stage fills what it
 * found out; later stages and the access log read it.
 */
import type { Middleware as KoaMiddleware, ParameterizedContext } from 'koa';
import type { Principal } from '../call/principal.js';
import type { Route } from '../server/route.js';
import type { Snapshot, Surface } from '../server/snapshot.js';
import type { StatusError } from '../status/status-error.js';
import type { Standing } from '../store/window.js';

export interface Exchange {
  /** What the request began with; a reload does not change it under its feet. */
  snapshot: Snapshot;
  /** Decided by host, base path and headers. The snapshot's first one until then. */
  surface: Surface;
  requestId: string;
  /** The decided address of the client: the peer's, or what trusted proxies say. */
  clientAddress: string;
  /** Milliseconds on the monotonic clock. */
  startedAt: number;
  /** Of the request target or the Host header, as sent. */
  authority: string;
  /** The request's path as sent: not decoded, without base path and query. */
  rawPath: string;
  /** What follows `?`, as sent, or empty. */
  rawQuery: string;
  route: Route | undefined;
  captures: readonly string[];
  /** Who calls; undefined on public routes and for callers that nobody knows. */
  principal: Principal | undefined;
  /** The caller is known by a cookie, which a browser sends whoever asked it to. */
  fromCookie: boolean;
  /** Of the tightest limit so far. */
  standing: Standing | undefined;
  /** A limit has refused the request. */
  overLimit: boolean;
  bytesIn: number;
  /** More of the request is waited for, and for how long is decided there. */
  awaitsBody: boolean;
  /** The parts that an aggregate answered without. */
  partial: string | undefined;
  /** The request became a conversation; its client has left it unless it was ended here. */
  webSocket: { readonly clientGone: boolean } | undefined;
  /** Of a stream: aborted when it must end, with a StatusError as its reason. */
  ending: AbortSignal | undefined;
  /** What the error funnel answered, for the access log. */
  error: StatusError | undefined;
}

export type Context = ParameterizedContext<Exchange>;
export type Middleware = KoaMiddleware<Exchange>;
