/**
 * This stage lets only clients of certain addresses call. It throws 403 before limits count and before the caller is
 * identified.
 */
import type { Middleware } from '../../exchange/exchange.js';
import { type Admits, demandAddress } from './planned.js';

/**
 * Returns the stage. `all` has the check of the route and those of the required steps of an aggregate. Each of them
 * must admit the client.
 */
export function addresses(all: readonly Admits[]): Middleware {
  return function addresses({ state }, next) {
    for (const admits of all) demandAddress(admits, state.clientAddress);
    return next();
  };
}
