/**
 * The end of a listener's life, without a lost request: not ready → keep accepting while load balancers notice (`grace`)
 * → accept no more, let answers carry `Connection: close` and HTTP/2 say GOAWAY → finish what runs → cut what is left at
 * `timeout`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';
import type { Clock } from '../../base/clock.js';
import { closeAfter } from '../../exchange/answer.js';
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
  for (const event of ['request', 'checkContinue']) server.prependListener(event, follow);

  function follow(_req: IncomingMessage, res: ServerResponse): void {
    if (draining) closeAfter(res);
    running.add(res);
    res.once('close', () => {
      running.delete(res);
      // Of an answer that had begun before; Node closes connections by itself only where answers say so.
      if (draining) setImmediate(closeIdle);
    });
  }

  /** For Node a connection is idle whose answer was ended, though half of it may still be on its way. */
  function closeIdle(): void {
    for (const { writableEnded } of running) if (writableEnded) return;
    server.closeIdleConnections();
  }

  return async function drain({ graceMs, timeoutMs }) {
    if (graceMs > 0) await new Promise<void>((resolve) => void setTimeout(resolve, graceMs));
    draining = true;
    for (const res of running) closeAfter(res);
    // An HTTP server's own `close` ends its timers for slow heads at once, and what it takes for idle.
    const closed = new Promise<void>((resolve) => void NetServer.prototype.close.call(server, () => resolve()));
    closeIdle();
    // Browsers open some for later.
    for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
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
    server.close();
  };
}
