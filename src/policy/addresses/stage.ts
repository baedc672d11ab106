/** The stage that lets only clients of certain addresses call: 403 before anything else of the route. */
import type { Middleware } from '../../exchange/exchange.js';
import { type Admits, demandAddress } from './planned.js';

/** `all`: of the route, and of the required steps of an aggregate; each must admit the client. */
export function addresses(all: readonly Admits[]): Middleware {
  return async function addresses({ state }, next) {
    for (const admits of all) demandAddress(admits, state.clientAddress);
    await next();
  };
}
