/** Closes a port without losing connections that their clients take for open. */
import { Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

interface Handle {
  /** Sets how many connections may wait to be accepted: `listen(2)` may be called again. */
  readonly listen?: (backlog: number) => number;
}

/** A turn of the event loop that is shorter leaves no time for a connection to come behind Node's back. */
const SHORT_MS = 0.2;
/** How long to wait for a short turn, and for one in which no connection comes at all. */
const WAIT = { shortMs: 3000, anyMs: 5000 };

/**
 * Stops listening. The kernel resets connections that it has completed and nobody has accepted yet. Node accepts one of them in
 * each turn of the event loop, so the port is closed right after a short turn in which none came. Until then connections are
 * accepted and not served yet, which keeps the turns short, and the kernel holds no more than one: clients that ask for a
 * connection meanwhile ask again after a second, and are refused.
 */
export async function stopAccepting(server: Server): Promise<void> {
  const accepted: Socket[] = [];
  const serve = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (socket) => void accepted.push(socket));
  (server as { readonly _handle?: Handle | null })._handle?.listen?.(0);
  const begunAt = performance.now();
  for (let turnAt = begunAt; ; ) {
    const before = accepted.length;
    await nextTurn();
    const now = performance.now();
    const isShort = now - turnAt < SHORT_MS || now - begunAt > WAIT.shortMs;
    if ((isShort && accepted.length === before) || now - begunAt > WAIT.anyMs) break;
    turnAt = now;
  }
  // The `close` of an HTTP server would also close the connections that it counts as idle, and end its timers for slow heads.
  Server.prototype.close.call(server);
  server.removeAllListeners('connection');
  for (const listener of serve) server.on('connection', listener);
  for (const socket of accepted) server.emit('connection', socket);
}
