/**
 * This module defines the only order in which a request passes the stages of its route, between the match
 * (`server/pipeline.ts`) and the endpoint. A stage that a route does not need is undefined, and costs no time. A
 * refused request never reaches a later stage.
 */
import type { Middleware } from '../exchange/exchange.js';

export interface RouteStages {
  /** Adds headers to every answer that say that the method is deprecated. */
  readonly deprecated: Middleware | undefined;
  /** The check of the networks from which clients may call. */
  readonly addresses: Middleware | undefined;
  /** The limits that count by address alone. They do not need to know the caller. */
  readonly limitByAddress: Middleware | undefined;
  readonly authenticate: Middleware | undefined;
  readonly authorize: Middleware | undefined;
  /** All other limits, and those of the caller's plan. */
  readonly limitByCaller: Middleware | undefined;
  /** The embedder's own middleware. */
  readonly afterAuth: readonly Middleware[];
  /** Ends a stream when its caller may no longer call. */
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
