/**
 * What one request knows about itself on its way through the pipeline: Koa's `ctx.state`. Each stage fills what it
 * found out; later stages and the access log read it.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Middleware as KoaMiddleware, ParameterizedContext } from 'koa';
import type { Principal } from '../call/principal.js';
import type { Binding } from '../routing/binding.js';
import type { NearRoute } from '../routing/near-route.js';
import type { RouteTable } from '../routing/route-table.js';
import type { StatusError } from '../status/status-error.js';
import type { Standing } from '../store/window.js';
import type { ErrorSettings } from '../transcoding/error-body.js';
import type { CompiledResponseHeaders } from '../transcoding/headers.js';

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

/** One binding, ready to serve. Its chain is composed when the schema is loaded. */
export interface Route {
  readonly binding: Binding;
  /** Name of the upstream that serves it, for the log. Undefined for an aggregate. */
  readonly upstream: string | undefined;
  /** Runs the policies of the route, then its endpoint. */
  readonly serve: (ctx: Context) => Promise<void>;
  /** Undefined for a method that does not stream. */
  readonly admission: Admission | undefined;
}

/** What lets a request in; open streams are asked again after a reload. */
export interface Admission {
  /** The stages that decide who may call. Throws the StatusError of a refusal. */
  readonly guard: (ctx: Context) => Promise<void>;
  /** Demands over the messages, as they are written. */
  readonly demands: readonly string[];
}

/** Everything that serving a request needs, compiled from one config and one schema: immutable tables. */
export interface Snapshot {
  /** In order of specificity; the last one takes what no other claims. One surface for now. */
  readonly surfaces: readonly Surface[];
  /** Finds out who calls. */
  readonly clientAddress: FindClientAddress;
  /** Share of successful requests that the access log writes, 0 to 1. */
  readonly logSample: number;
  /** A client that takes nothing of its answer for so long is cut off. */
  readonly stallTimeoutMs: number;
  /** How long a stream may go on that would not be let in any more, in milliseconds. */
  readonly streamGraceMs: number;
  /** By name; for what operators see. */
  readonly upstreams: ReadonlyMap<string, { state(): string }>;
  /** Resolves when it can serve, or when waiting longer would not help: the keys of issuers have been asked for. */
  readonly prepared: Promise<void>;
  /** Lets go of the resources. Called once, when no request uses the snapshot any more. */
  readonly release: () => Promise<void>;
}

export interface Surface {
  readonly name: string;
  readonly table: RouteTable<Route>;
  /** Streaming methods by path alone: a handshake is a GET, whatever the method's own verb. */
  readonly webSockets: RouteTable<Route>;
  /** What a 404 says was probably meant, of each table; undefined: it says nothing. */
  readonly nearRoute: NearRoute | undefined;
  readonly nearWebSocket: NearRoute | undefined;
  /** Undefined: no web page may read an answer. */
  readonly cors: Cors | undefined;
  readonly errors: ErrorSettings;
  /** What of an upstream's metadata a client gets. */
  readonly responseHeaders: CompiledResponseHeaders;
}

/** What the surface answers to web pages of other origins. */
export interface Cors {
  /** Answers preflights, and lets pages read other answers. */
  readonly answer: Middleware;
  readonly allows: (origin: string) => boolean;
}

/** Who is calling, as far as the network tells. */
export interface ClientAddress {
  readonly address: string;
  /** The connection comes from a trusted proxy: its `x-request-id` may be believed. */
  readonly viaTrustedProxy: boolean;
}

/** `peer`: the address of the connection. */
export type FindClientAddress = (peer: string, headers: IncomingHttpHeaders) => ClientAddress;
