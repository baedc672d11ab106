/**
 * The interceptor that bounds a call in time (rule 30). Deadlines only ever come nearer: the earliest of the client's,
 * the route's and the upstream's counts, whichever layer set it.
 */
import type { Clock } from '../base/clock.js';
import type { Interceptor } from '../call/call.js';
import { earliest } from '../call/deadline.js';

export interface DeadlineSettings {
  /** Of calls with one message each way, in milliseconds; absent: none. */
  readonly unaryMs?: number;
  /** Of streams: only the client's or a policy's word bounds them, never an upstream's. */
  readonly streamMs?: number;
}

export function deadline({ unaryMs, streamMs }: DeadlineSettings, clock: Clock): Interceptor {
  return (next) => (request) => {
    const { clientStreaming, serverStreaming } = request.method;
    const timeoutMs = clientStreaming || serverStreaming ? streamMs : unaryMs;
    if (timeoutMs === undefined) return next(request);
    const limit = earliest(request.deadline, clock.now() + timeoutMs);
    return next(limit === undefined ? request : { ...request, deadline: limit });
  };
}
