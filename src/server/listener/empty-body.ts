/**
 * Marks a request without a body as read to its end. Otherwise Node lets it end and close as a stream when its answer is sent,
 * in several ticks, although nobody listens. Newer versions of Node have an option for this (`optimizeEmptyRequests`).
 */
import type { IncomingMessage } from 'node:http';
import { hasBody } from '../../exchange/answer.js';

/** The private fields of Node's request that its option `optimizeEmptyRequests` sets. */
type Readable = IncomingMessage & {
  _dumped?: boolean;
  readonly _readableState?: {
    ended: boolean;
    endEmitted: boolean;
    destroyed: boolean;
    closed: boolean;
    closeEmitted: boolean;
  };
};

/**
 * Marks the request if it announces no body. Nothing may read it afterwards: it emits neither `end` nor `close`. The gateway
 * reads only requests that announce a body.
 */
export function skipEmptyBody(req: IncomingMessage): void {
  if (hasBody(req)) return;
  const readable = req as Readable;
  const state = readable._readableState;
  if (state === undefined || readable._dumped !== false) return;
  readable._dumped = true;
  state.ended = true;
  state.endEmitted = true;
  state.destroyed = true;
  state.closed = true;
  state.closeEmitted = true;
}
