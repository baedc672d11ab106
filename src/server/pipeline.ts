/**
 * THE order in which a request meets what is done to it. Two lists: what runs before a route is known, and what a route
 * declares, composed for each when the schema is loaded. A refused request never reaches a later stage.
 */
import type { Clock } from '../base/clock.js';
import type { Middleware } from '../exchange/exchange.js';
import type { Log } from '../telemetry/log.js';
import type { Snapshots } from './snapshot.js';
import { accessLog } from './stages/access-log.js';
import { cors } from './stages/cors.js';
import { errors } from './stages/errors.js';
import { identify } from './stages/identify.js';
import { limits } from './stages/limits.js';
import { match } from './stages/match.js';
import { surface } from './stages/surface.js';

export interface PipelineOptions {
  readonly snapshots: Snapshots;
  readonly log: Log;
  readonly clock: Clock;
  /** The embedder's own stages, before the route is known. */
  readonly custom: readonly Middleware[];
}

export function beforeMatch({ snapshots, log, clock, custom }: PipelineOptions): readonly Middleware[] {
  return [
    identify(snapshots, clock),
    accessLog(log, clock),
    errors(clock),
    surface(),
    cors(),
    ...custom,
    limits(),
    match(),
  ];
}
