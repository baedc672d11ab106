/** A Route: one binding, ready to serve. Its chain is composed when the schema is loaded. */
import compose from 'koa-compose';
import type { Binding } from '../routing/http-rule.js';
import type { Context, Middleware } from './exchange.js';

export interface Route {
  readonly binding: Binding;
  /** Name of the upstream that serves it, for the log. */
  readonly upstream: string | undefined;
  /** The policies of the route, then its endpoint. */
  readonly serve: (ctx: Context) => Promise<void>;
}

/** Composes what a route declares, in the order given, ending with the endpoint. */
export function composeRoute(
  binding: Binding,
  upstream: string | undefined,
  chain: readonly Middleware[],
  endpoint: Middleware,
): Route {
  if (chain.length === 0) return { binding, upstream, serve: async (ctx) => void (await endpoint(ctx, done)) };
  const composed = compose<Context>([...chain, endpoint]);
  return { binding, upstream, serve: (ctx) => composed(ctx) };
}

const done = () => Promise.resolve();
