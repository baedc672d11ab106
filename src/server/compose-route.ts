/** Composes a Route: what it declares, in order, and its endpoint, as one function. */
import compose from 'koa-compose';
import type { Context, Middleware, Route } from '../exchange/exchange.js';

/** Composes what a route declares, in the order given, ending with the endpoint. */
export function composeRoute(
  { binding, upstream, admission }: Omit<Route, 'serve'>,
  chain: readonly Middleware[],
  endpoint: Middleware,
): Route {
  const serve = chain.length === 0 ? alone(endpoint) : composed([...chain, endpoint]);
  return { binding, upstream, admission, serve };
}

/** Runs stages one inside the other. */
export function composed(stages: readonly Middleware[]): (ctx: Context) => Promise<void> {
  const run = compose<Context>([...stages]);
  return (ctx) => run(ctx);
}

function alone(endpoint: Middleware): Route['serve'] {
  return async (ctx) => void (await endpoint(ctx, done));
}

const done = () => Promise.resolve();
