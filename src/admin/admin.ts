/** The admin port: health, metrics and the route map, for operators and their machines. Never on the public port. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import Router from '@koa/router';
import Koa from 'koa';

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

/** Builds the admin request listener: `/healthz`, `/readyz`, `/metrics`, `/routes`. */
export function createAdmin({
  readiness,
  metrics,
  routes,
}: AdminSources): (req: IncomingMessage, res: ServerResponse) => void {
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
    ctx.set('x-content-type-options', 'nosniff');
    await next();
    if (ctx.status === 404 && ctx.body === undefined) {
      ctx.status = 404;
      ctx.body = { code: 5, message: 'expected /healthz, /readyz, /metrics or /routes', details: [] };
    }
  });
  app.use(router.routes()).use(router.allowedMethods());
  const handle = app.callback();
  return (req, res) => void handle(req, res);
}
