/**
 * THE order in which a request meets what its route declares, between the match (`server/pipeline.ts`) and the endpoint.
 * A stage that a route does not need is undefined, and costs nothing. A refused request never reaches a later stage.
 */
import type { Middleware } from '../exchange/exchange.js';

export interface RouteStages {
  /** Networks from which clients may call. */
  readonly addresses: Middleware | undefined;
  /** Limits that count by address alone: nobody has to be known for them. */
  readonly limitByAddress: Middleware | undefined;
  readonly authenticate: Middleware | undefined;
  readonly authorize: Middleware | undefined;
  /** All other limits, and those of the caller's plan. */
  readonly limitByCaller: Middleware | undefined;
  /** The embedder's own. */
  readonly afterAuth: readonly Middleware[];
  /** Ends a stream when its caller may not call any more. */
  readonly follow: Middleware | undefined;
}

/** The stages that decide who may call; an open stream meets them again after a reload. */
export function guardsInOrder(stages: RouteStages): readonly Middleware[] {
  const { addresses, authenticate, authorize } = stages;
  return [addresses, authenticate, authorize].filter((stage) => stage !== undefined);
}

export function routeOrder(stages: RouteStages): readonly Middleware[] {
  const { addresses, limitByAddress, authenticate, authorize, limitByCaller, afterAuth, follow } = stages;
  const all = [addresses, limitByAddress, authenticate, authorize, limitByCaller, ...afterAuth, follow];
  return all.filter((stage) => stage !== undefined);
}
