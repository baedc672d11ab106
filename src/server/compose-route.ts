/** Composes the stages of a Route and its endpoint into one function. */
import compose from 'koa-compose';
import type { Context, Middleware, Route } from '../exchange/exchange.js';

/** Returns the route with a `serve` that runs `chain` in its order, and then the endpoint. */
export function composeRoute(route: Omit<Route, 'serve'>, chain: readonly Middleware[], endpoint: Middleware): Route {
  const serve = chain.length === 0 ? alone(endpoint) : composed([...chain, endpoint]);
  return { ...route, serve };
}

/** Returns a function that runs the stages, each one inside the stage before it. */
export function composed(stages: readonly Middleware[]): (ctx: Context) => Promise<void> {
  const run = compose<Context>([...stages]);
  return (ctx) => run(ctx);
}

function alone(endpoint: Middleware): Route['serve'] {
  // An endpoint returns a promise. Another function that awaits it would cost a promise more for each request.
  return (ctx) => endpoint(ctx, done);
}

const done = () => Promise.resolve();
