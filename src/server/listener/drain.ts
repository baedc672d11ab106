/**
 * The end of a listener's life, without a lost request: not ready → keep accepting while load balancers notice (`grace`)
 * → accept no more, let answers carry `Connection: close` and HTTP/2 say GOAWAY → finish what runs → cut what is left at
 * `timeout`.
 */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.js';
import { closeAfter } from '../answer.js';
import type { Listener } from './listen.js';

export interface DrainSettings {
  readonly graceMs: number;
  /** From the end of the grace on. */
  readonly timeoutMs: number;
}

/** For what is said when time is up. */
const LAST_WORDS_MS = 200;

export type Drain = (settings: DrainSettings) => Promise<void>;

/** Follows a listener's running answers from now on; the returned function drains it and resolves when it is closed. */
export function prepareDrain({ server, sessions, connections, ending }: Listener, clock: Clock): Drain {
  const running = new Set<ServerResponse>();
  let draining = false;
  server.prependListener('request', (_req, res: ServerResponse) => {
    if (draining) closeAfter(res);
    running.add(res);
    res.once('close', () => {
      running.delete(res);
      // Of an answer that had begun before; Node closes connections by itself only where answers say so.
      if (draining) setImmediate(() => server.closeIdleConnections());
    });
  });

  return async function drain({ graceMs, timeoutMs }) {
    if (graceMs > 0) await new Promise<void>((resolve) => void setTimeout(resolve, graceMs));
    draining = true;
    for (const res of running) closeAfter(res);
    const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
    server.closeIdleConnections();
    sessions.close();
    let cancelTimer = clock.after(timeoutMs, () => {
      ending.abort();
      cancelTimer = clock.after(LAST_WORDS_MS, () => {
        sessions.destroy();
        for (const socket of connections) socket.destroy();
      });
    });
    await closed;
    cancelTimer();
  };
}
