/**
 * Decides which web pages of other origins may call: it answers preflight requests, and sets the headers that let a page read
 * an answer, errors included. A preflight request reaches no later stage.
 */
import { METHODS } from 'node:http';
import koaCors from '@koa/cors';
import type { Context, Cors, Middleware } from '../../exchange/exchange.js';
import { handshakeOf } from '../../exchange/handshake.js';
import { ANY_METHOD } from '../../routing/matcher.js';
import { foreignOrigin } from '../../status/refusals.js';

export interface CorsSettings {
  readonly origins: readonly string[];
  readonly credentials: boolean;
  readonly maxAgeMs: number;
}

/** The response headers that a page of another origin may read in addition to those that browsers always show. */
const EXPOSED = [
  'x-request-id',
  'x-protogate-partial',
  'www-authenticate',
  'retry-after',
  'ratelimit-limit',
  'ratelimit-remaining',
  'ratelimit-reset',
  'etag',
  'age',
  'cache-status',
  'deprecation',
  'sunset',
  'link',
];

/** The methods that a page may use on every API. */
const METHODS_OF_ALL = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'PATCH'];

/**
 * Compiles the settings. `returned` are the response headers that the config lets through by name, and `methods` are the
 * methods of the routes, also those of `custom` rules.
 */
export function compileCors(
  { origins, credentials, maxAgeMs }: CorsSettings,
  returned: readonly string[],
  methods: readonly string[],
): Cors {
  const allowed = new Set(origins);
  const anybody = allowed.has('*');
  const answer = koaCors({
    origin: anybody ? '*' : (ctx) => allowedOrigin(allowed, ctx.get('origin')),
    credentials,
    allowMethods: [...new Set([...METHODS_OF_ALL, ...methods.flatMap((one) => (one === ANY_METHOD ? METHODS : one))])],
    maxAge: Math.floor(maxAgeMs / 1000),
    exposeHeaders: [...new Set([...EXPOSED, ...returned.filter(isName).map((name) => name.toLowerCase())])],
    // Error answers keep these headers anyway: the error funnel clears none.
    keepHeadersOnError: false,
  }) as Middleware;
  return { answer, allows: (origin) => anybody || allowed.has(origin) };
}

function isName(pattern: string): boolean {
  return !pattern.endsWith('*');
}

function allowedOrigin(allowed: ReadonlySet<string>, origin: string): string {
  return allowed.has(origin) ? origin : '';
}

/** Returns the stage that runs the CORS settings of the surface, if it has any. */
export function cors(): Middleware {
  return function cors(ctx: Context, next) {
    const { cors } = ctx.state.surface;
    if (handshakeOf(ctx.req) !== undefined) requireAllowed(cors, ctx.req.headers.origin);
    else if (cors !== undefined) return cors.answer(ctx as Parameters<Middleware>[0], next);
    return next();
  };
}

/**
 * Throws 403 for an origin that is not allowed: browsers send no preflight before they open a WebSocket (RFC 6455 §10.2).
 * Programs that are no browser send no Origin, and pass.
 */
export function requireAllowed(cors: Cors | undefined, origin: string | undefined): void {
  if (origin === undefined || cors?.allows(origin)) return;
  throw foreignOrigin('expected an origin that this API allows (cors.origins)', origin);
}
