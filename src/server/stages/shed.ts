/**
 * Refuses new requests with 503 while memory is short, so that running requests can end and the process does not run
 * out of memory.
 */
import type { Counter } from 'prom-client';
import type { Middleware } from '../../exchange/exchange.js';
import { gatewayError } from '../../status/status-error.js';

export interface ShedSettings {
  /** `now` is the time on the monotonic clock. */
  readonly isShortOfMemory: (now: number) => boolean;
  /** The refused requests and connections by reason. */
  readonly counter: Counter<'reason'>;
}

export function shed({ isShortOfMemory, counter }: ShedSettings): Middleware {
  const byMemory = counter.labels('memory');
  return function shed(ctx, next) {
    if (!isShortOfMemory(ctx.state.startedAt)) return next();
    byMemory.inc();
    throw gatewayError('OUT_OF_MEMORY', 'the gateway has too little memory for another request now; try again later');
  };
}
