/**
 * The end of a server's life, without a lost request: not ready → keep accepting while load balancers notice (`grace`)
 * → accept no more, let answers carry `Connection: close` → finish what runs → cut what is left at `timeout`.
 */
import type { Server, ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.js';

export interface DrainSettings {
  readonly graceMs: number;
  /** From the end of the grace on. */
  readonly timeoutMs: number;
}

export type Drain = (settings: DrainSettings) => Promise<void>;

/** Follows a server's running answers from now on; the returned function drains it and resolves when it is closed. */
export function prepareDrain(server: Server, clock: Clock): Drain {
  const running = new Set<ServerResponse>();
  let draining = false;
  server.prependListener('request', (_req, res: ServerResponse) => {
    if (draining) closeAfter(res);
    running.add(res);
    res.once('close', () => running.delete(res));
  });

  return async function drain({ graceMs, timeoutMs }) {
    if (graceMs > 0) await new Promise<void>((resolve) => void setTimeout(resolve, graceMs));
    draining = true;
    for (const res of running) closeAfter(res);
    const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
    server.closeIdleConnections();
    const cancelTimer = clock.after(timeoutMs, () => server.closeAllConnections());
    await closed;
    cancelTimer();
  };
}

function closeAfter(res: ServerResponse): void {
  if (!res.headersSent) res.setHeader('connection', 'close');
}
