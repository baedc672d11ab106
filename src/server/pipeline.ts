/**
 * The order of the stages that every request passes before its route is known. The stages that a route declares follow, in
 * the order of `gateway/route-order.ts`. A refused request never reaches a later stage.
 */
import type { Clock } from '../base/clock.js';
import type { Middleware } from '../exchange/exchange.js';
import type { Snapshots } from './snapshots.js';
import { accessLog, type Telling } from './stages/access-log.js';
import { begin } from './stages/begin.js';
import { cors } from './stages/cors.js';
import { errors } from './stages/errors.js';
import { match } from './stages/match.js';
import { type ShedSettings, shed } from './stages/shed.js';
import { surface } from './stages/surface.js';
import { transferCoding } from './stages/transfer-coding.js';

export interface PipelineOptions {
  readonly snapshots: Snapshots;
  readonly telling: Telling;
  readonly clock: Clock;
  readonly shedding: ShedSettings;
  /** The embedder's own stages, which run before the route is known. */
  readonly custom: readonly Middleware[];
}

export function beforeMatch({ snapshots, telling, clock, shedding, custom }: PipelineOptions): readonly Middleware[] {
  return [
    begin(snapshots, clock),
    accessLog(telling, clock),
    errors(clock),
    surface(),
    cors(),
    shed(shedding),
    ...custom,
    transferCoding(),
    match(),
  ];
}
