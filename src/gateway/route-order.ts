/**
 * This module defines the order of the stages that a request passes after its route was found (`server/pipeline.ts`) and before
 * the endpoint. A stage that a route does not need is undefined, and costs no time. If a stage refuses the request, no later
 * stage runs.
 */
import type { Middleware } from '../exchange/exchange.js';

export interface RouteStages {
  /** Adds headers to every answer which say that the method is deprecated. */
  readonly deprecated: Middleware | undefined;
  /** Checks whether the client's address is in the networks that may call. */
  readonly addresses: Middleware | undefined;
  /** Checks the rate limits that count only by address, for which the caller need not be known. */
  readonly limitByAddress: Middleware | undefined;
  readonly authenticate: Middleware | undefined;
  readonly authorize: Middleware | undefined;
  /** Checks all other rate limits, including those of the caller's plan. */
  readonly limitByCaller: Middleware | undefined;
  /** The embedder's own middleware. */
  readonly afterAuth: readonly Middleware[];
  /** Ends an open stream when its caller may no longer call. */
  readonly follow: Middleware | undefined;
}

/** Returns the stages that decide who may call. After a reload they run again for each open stream. */
export function guardsInOrder(stages: RouteStages): readonly Middleware[] {
  const { addresses, authenticate, authorize } = stages;
  return [addresses, authenticate, authorize].filter((stage) => stage !== undefined);
}

export function routeOrder(stages: RouteStages): readonly Middleware[] {
  const { deprecated, addresses, limitByAddress, authenticate, authorize, limitByCaller, afterAuth, follow } = stages;
  const all = [deprecated, addresses, limitByAddress, authenticate, authorize, limitByCaller, ...afterAuth, follow];
  return all.filter((stage) => stage !== undefined);
}
