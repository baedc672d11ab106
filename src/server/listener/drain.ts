/**
 * Ends a listener without losing a request:
 *
 *     grace      new connections are still accepted, until load balancers have noticed that the gateway is not ready
 *     then       none are accepted; HTTP/1.1 answers get `Connection: close`, HTTP/2 sessions get GOAWAY
 *     timeout    requests that still run are cut
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';
import type { Clock } from '../../base/clock.js';
import { closeAfter } from '../../exchange/answer.js';
import type { Listener } from './listen.js';

export interface DrainSettings {
  readonly graceMs: number;
  /** How long running requests may take, counted from the end of the grace. */
  readonly timeoutMs: number;
}

/** How long the last messages may take once the time is up, such as the close of a WebSocket. */
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
      // An answer that began before the drain has no `Connection: close`, so Node keeps its connection open.
      if (draining) setImmediate(closeIdle);
    });
  }

  /**
   * Closes idle connections, unless an ended answer is still on its way: Node counts the connection of such an answer as
   * idle.
   */
  function closeIdle(): void {
    for (const { writableEnded } of running) if (writableEnded) return;
    server.closeIdleConnections();
  }

  return async function drain({ graceMs, timeoutMs }) {
    if (graceMs > 0) await new Promise<void>((resolve) => void setTimeout(resolve, graceMs));
    draining = true;
    for (const res of running) closeAfter(res);
    // The `close` of an HTTP server would at once end its timers for slow heads, and close the connections that it counts as
    // idle.
    const closed = new Promise<void>((resolve) => void NetServer.prototype.close.call(server, () => resolve()));
    closeIdle();
    // Browsers open some connections for later and send nothing on them.
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
