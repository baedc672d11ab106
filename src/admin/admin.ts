/**
 * The admin port gives operators and their tools the health, the metrics, the list of routes and the API documents. The public
 * port never serves these.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import Router from '@koa/router';
import Koa, { type Context } from 'koa';
import { unmapped } from '../base/networks.js';
import type { Api } from '../openapi/api.js';
import { Code } from '../status/code.js';
import { methodNotAllowed } from '../status/refusals.js';
import { gatewayError, StatusError } from '../status/status-error.js';
import { expose, type MetricValues, wantsOpenMetrics } from '../telemetry/exposition.js';
import type { Log } from '../telemetry/log.js';
import { type ErrorSettings, errorBody } from '../transcoding/error-body.js';
import type { UpstreamReport } from '../upstream/balance/balancer.js';
import { addDocuments } from './documents.js';
import { requireHost } from './hosts.js';

export interface Readiness {
  readonly ready: boolean;
  /** The state of the gateway: `serving`, `starting` or `draining`. */
  readonly state: string;
  /** The reason why a gateway in the state `serving` is not ready. Absent when it is ready. */
  readonly why?: string;
  /** The reports on the upstreams, by the names of the upstreams. Only those in `admin.readiness` affect `ready`. */
  readonly upstreams: ReadonlyMap<string, UpstreamReport>;
  /** The number of processes that serve. Absent when there is only one. */
  readonly workers?: number;
  /** The result of the latest attempt to load config and schema. */
  readonly reload?: unknown;
  /** The number of processes that have stopped working but have not ended yet. They accept no new connections. */
  readonly frozen?: number;
}

export interface AdminSources {
  readonly readiness: () => Readiness | Promise<Readiness>;
  readonly metrics: () => Promise<readonly MetricValues[]>;
  /** Returns the JSON that `protogate routes --format json` prints. */
  readonly routes: () => unknown;
  /** Returns the surfaces whose API documents are served. */
  readonly apis: () => readonly Api[];
}

export interface AdminSettings {
  /** Returns the hosts that a request may name, in addition to localhost and IP addresses. */
  readonly hosts: () => readonly string[];
  /** Returns the host that a request names. Throws a StatusError (400) if it is malformed. */
  readonly authorityOf: (req: IncomingMessage) => string;
  readonly errors: () => ErrorSettings;
  readonly log: Log;
}

/**
 * Returns the request listener of the admin port, for `/healthz`, `/readyz`, `/metrics`, `/routes`, `/openapi.json` and
 * `/reference`.
 */
export function createAdmin(
  { readiness, metrics, routes, apis }: AdminSources,
  { hosts, authorityOf, errors, log }: AdminSettings,
): (req: IncomingMessage, res: ServerResponse) => Promise<void> {
  const router = new Router();
  router.get('/healthz', (ctx) => {
    ctx.body = { status: 'alive' };
  });
  router.get('/readyz', async (ctx) => {
    const { upstreams, ...rest } = await readiness();
    ctx.status = rest.ready ? 200 : 503;
    ctx.body = {
      ...rest,
      upstreams: Object.fromEntries([...upstreams].map(([name, report]) => [name, shown(report)])),
    };
  });
  router.get('/metrics', async (ctx) => {
    const { contentType, text } = await expose(await metrics(), wantsOpenMetrics(ctx.req.headers.accept));
    ctx.set('content-type', contentType);
    ctx.vary('accept');
    ctx.body = text;
  });
  router.get('/routes', (ctx) => {
    ctx.body = routes();
  });
  addDocuments(router, apis);
  const app = new Koa();
  app.silent = true;
  app.use(async (ctx, next) => {
    const requestId = randomUUID();
    ctx.set('x-request-id', requestId);
    ctx.set('x-content-type-options', 'nosniff');
    // No route of the admin port reads a body. The connection of a request with a body is closed, because the body is still on
    // it.
    if (!ctx.req.complete) ctx.set('connection', 'close');
    try {
      requireHost(authorityOf(ctx.req), hosts());
      await next();
    } catch (thrown) {
      answerError(ctx, thrown instanceof StatusError ? thrown : internalError(thrown, requestId), requestId);
    }
  });
  app.use(router.routes());
  app.use(elsewhere);
  return app.callback();

  function answerError(ctx: Context, error: StatusError, requestId: string): void {
    tell(ctx, error, requestId);
    const { contentType, body } = errorBody(error, requestId, errors());
    ctx.status = error.httpStatus;
    ctx.set(error.headers);
    ctx.set('content-type', contentType);
    ctx.body = body;
  }

  function tell(ctx: Context, error: StatusError, requestId: string): void {
    const { httpStatus: status, code, reason, logText } = error;
    const client = unmapped(ctx.req.socket.remoteAddress ?? '');
    const path = pathOf(ctx).slice(0, MOST_LOGGED);
    const request = { requestId, client, method: ctx.method, path, status, code: Code[code], reason };
    if (status >= 500) log.error({ ...request, err: error }, 'admin request failed');
    else log.warn({ ...request, refused: logText.slice(0, MOST_LOGGED) }, 'admin request refused');
  }
}

/** The most characters of a text of the client that are written to the log. */
const MOST_LOGGED = 256;

function shown({ isPanic, servers, ...rest }: UpstreamReport): object {
  return {
    ...rest,
    ...(isPanic ? { panic: true } : {}),
    servers: servers.map(({ address, sinceMs, ...rest }) => ({
      address,
      ...rest,
      since: new Date(sinceMs).toISOString(),
    })),
  };
}

/**
 * Returns the path of a request. It is empty for a request target without a path, such as `http://`, for which Koa has `null`.
 */
function pathOf({ path }: Context): string {
  return (path as string | null) ?? '';
}

/** Answers the requests that no route has answered: OPTIONS, another method (405) and an unknown path (404). */
function elsewhere(ctx: Context & { matched?: readonly unknown[] }): void {
  if ((ctx.matched?.length ?? 0) === 0) {
    const known = 'expected /healthz, /readyz, /metrics, /routes, /openapi.json or /reference';
    throw gatewayError('ROUTE_NOT_FOUND', `path: ${known}, got ${JSON.stringify(pathOf(ctx).slice(0, 80))}`);
  }
  if (ctx.method !== 'OPTIONS') throw methodNotAllowed(ctx.method, ALLOWED);
  ctx.status = 204;
  ctx.set('allow', ALLOWED.join(', '));
}

const ALLOWED = ['GET', 'HEAD', 'OPTIONS'];

function internalError(cause: unknown, requestId: string): StatusError {
  return gatewayError('INTERNAL', `internal error (request id ${requestId})`, { cause });
}
