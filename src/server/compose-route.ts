/**
 * Composes stages into one function, as koa-compose does. That library makes a bound function and looks at a list for each
 * stage of each request, which takes as long as half of all stages; here only `next` is made for each.
 */
import type { Context, Middleware, Route } from '../exchange/exchange.js';

/** Returns the route with a `serve` that runs `chain` in its order, and then the endpoint. */
export function composeRoute(route: Omit<Route, 'serve'>, chain: readonly Middleware[], endpoint: Middleware): Route {
  const serve = chain.length === 0 ? alone(endpoint) : composed([...chain, endpoint]);
  return { ...route, serve };
}

type Run = (ctx: Context) => Promise<void>;

/**
 * Returns a function that runs the stages, each one inside the stage before it. It does not throw: an error that a stage throws
 * rejects the promise that the stage before it gets from `next`.
 */
export function composed(stages: readonly Middleware[]): Run {
  return stages.reduceRight<Run>(before, done);
}

function before(run: Run, stage: Middleware): Run {
  // An embedder without TypeScript may give anything. It is found when the gateway starts.
  if (typeof stage !== 'function') throw new TypeError(`expected a function as middleware, got ${typeof stage}`);
  return (ctx) => {
    let isCalled = false;
    const next = () => {
      if (isCalled) return Promise.reject(new Error('expected a middleware to call next once, got another call'));
      isCalled = true;
      return run(ctx);
    };
    try {
      const result: unknown = stage(ctx as Parameters<Middleware>[0], next);
      // The middleware of an embedder may return anything.
      return result instanceof Promise ? result : Promise.resolve(result as undefined);
    } catch (error) {
      return Promise.reject(error);
    }
  };
}

function alone(endpoint: Middleware): Route['serve'] {
  // An endpoint returns a promise. Another function that awaits it would cost a promise more for each request.
  return (ctx) => endpoint(ctx, DONE);
}

const DONE = () => Promise.resolve();
const done: Run = DONE;
