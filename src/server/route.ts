/** A Route: one binding, ready to serve. Its chain is composed when the schema is loaded. */
import compose from 'koa-compose';
import type { Context, Middleware } from '../exchange/exchange.js';
import type { Binding } from '../routing/http-rule.js';

export interface Route {
  readonly binding: Binding;
  /** Name of the upstream that serves it, for the log. */
  readonly upstream: string | undefined;
  /** The policies of the route, then its endpoint. */
  readonly serve: (ctx: Context) => Promise<void>;
  /** Of a method that streams. */
  readonly admission: Admission | undefined;
}

/** What lets a request in. */
export interface Admission {
  /** The stages that decide who may. Throws the StatusError of a refusal. */
  readonly guard: (ctx: Context) => Promise<void>;
  /** What messages must meet, as it is written. */
  readonly demands: readonly string[];
}

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
