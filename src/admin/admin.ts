/** The admin port: health, metrics and the route map, for operators and their machines. Never on the public port. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import Router from '@koa/router';
import Koa, { type Context } from 'koa';
import { methodNotAllowed } from '../status/refusals.js';
import { gatewayError, StatusError } from '../status/status-error.js';
import type { Log } from '../telemetry/log.js';
import { type ErrorSettings, errorBody } from '../transcoding/error-body.js';
import { compileHosts } from './hosts.js';

export interface Readiness {
  readonly ready: boolean;
  /** `serving`, `starting`, `draining`. */
  readonly state: string;
  /** Name → how its connection is. Tells, does not decide: an upstream that is down leaves the gateway ready. */
  readonly upstreams: ReadonlyMap<string, string>;
  /** Processes that serve, where there are several. */
  readonly workers?: number;
}

export interface AdminSources {
  readonly readiness: () => Readiness | Promise<Readiness>;
  /** Prometheus' text format. */
  readonly metrics: () => Promise<string>;
  /** What `routes --format json` prints. */
  readonly routes: () => unknown;
}

export interface AdminSettings {
  /** Besides localhost and addresses. */
  readonly hosts: readonly string[];
  /** The host that a request names. Throws 400 for none. */
  readonly authorityOf: (req: IncomingMessage) => string;
  readonly errors: ErrorSettings;
  readonly log: Log;
}

/** Builds the admin request listener: `/healthz`, `/readyz`, `/metrics`, `/routes`. */
export function createAdmin(
  { readiness, metrics, routes }: AdminSources,
  { hosts, authorityOf, errors, log }: AdminSettings,
): (req: IncomingMessage, res: ServerResponse) => Promise<void> {
  const requireHost = compileHosts(hosts);
  const router = new Router();
  router.get('/healthz', (ctx) => {
    ctx.body = { status: 'alive' };
  });
  router.get('/readyz', async (ctx) => {
    const { upstreams, ...rest } = await readiness();
    ctx.status = rest.ready ? 200 : 503;
    ctx.body = { ...rest, upstreams: Object.fromEntries(upstreams) };
  });
  router.get('/metrics', async (ctx) => {
    ctx.type = 'text/plain; version=0.0.4; charset=utf-8';
    ctx.body = await metrics();
  });
  router.get('/routes', (ctx) => {
    ctx.body = routes();
  });
  const app = new Koa();
  app.silent = true;
  app.use(async (ctx, next) => {
    const requestId = randomUUID();
    ctx.set('x-request-id', requestId);
    ctx.set('x-content-type-options', 'nosniff');
    // Nobody here reads a body: what is still to come of one ends with the connection.
    if (!ctx.req.complete) ctx.set('connection', 'close');
    try {
      requireHost(authorityOf(ctx.req));
      await next();
    } catch (thrown) {
      answerError(ctx, thrown instanceof StatusError ? thrown : internalError(thrown, requestId), requestId);
    }
  });
  app.use(router.routes());
  app.use(elsewhere);
  return app.callback();

  function answerError(ctx: Context, error: StatusError, requestId: string): void {
    if (error.httpStatus >= 500) log.error({ requestId, path: ctx.path, err: error }, 'admin request failed');
    const { contentType, body } = errorBody(error, requestId, errors);
    ctx.status = error.httpStatus;
    ctx.set(error.headers);
    ctx.set('content-type', contentType);
    ctx.body = body;
  }
}

/** Behind the routes. */
function elsewhere(ctx: Context & { matched?: readonly unknown[] }): void {
  if ((ctx.matched?.length ?? 0) === 0) {
    const known = 'expected /healthz, /readyz, /metrics or /routes';
    throw gatewayError(404, 'ROUTE_NOT_FOUND', `path: ${known}, got ${JSON.stringify(ctx.path.slice(0, 80))}`);
  }
  if (ctx.method !== 'OPTIONS') throw methodNotAllowed(ctx.method, ALLOWED);
  ctx.status = 204;
  ctx.set('allow', ALLOWED.join(', '));
}

const ALLOWED = ['GET', 'HEAD', 'OPTIONS'];

function internalError(cause: unknown, requestId: string): StatusError {
  return gatewayError(500, 'INTERNAL', `internal error (request id ${requestId})`, { cause });
}
