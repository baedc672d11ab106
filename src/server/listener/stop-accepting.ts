/** Closes a port without losing connections that are already open for their clients. */
import { Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AcceptQueue } from './accept-queue.js';

/** In a turn of the event loop that is shorter than this, hardly any connection can come after Node has looked for one. */
const SHORT_MS = 0.2;
/** The longest times to wait for a short turn, and for one in which no connection comes at all. */
const WAIT = { shortMs: 3000, anyMs: 5000 };

/**
 * Stops listening. When a port is closed, the kernel resets all connections that are complete and have not been accepted yet.
 * Node accepts one of them in each turn of the event loop. So connections are accepted, and not served yet, until a turn brings
 * none. Then the port is closed if the kernel says that no connection waits. On systems whose kernel cannot be asked, it is
 * closed after a short turn without a connection.
 */
export async function stopAccepting(server: Server): Promise<void> {
  const accepted: Socket[] = [];
  const serve = server.listeners('connection') as ((socket: Socket) => void)[];
  const queue = AcceptQueue.of(server);
  server.removeAllListeners('connection');
  server.on('connection', (socket) => {
    if (queue?.isOwn(socket)) socket.destroy();
    else accepted.push(socket);
  });
  const begunAt = performance.now();
  for (let turnAt = begunAt; ; ) {
    const before = accepted.length;
    await nextTurn();
    const now = performance.now();
    const isLate = now - begunAt > WAIT.shortMs;
    const isQuiet = accepted.length === before;
    if (queue !== undefined && isQuiet && (await queue.close())) break;
    const isShort = queue === undefined && now - turnAt < SHORT_MS;
    if ((isQuiet && (isShort || isLate)) || now - begunAt > WAIT.anyMs) {
      // The `close` of an HTTP server would also close the connections that it counts as idle, and end its timers for slow
      // heads.
      Server.prototype.close.call(server);
      break;
    }
    turnAt = now;
  }
  server.removeAllListeners('connection');
  for (const listener of serve) server.on('connection', listener);
  for (const socket of accepted) server.emit('connection', socket);
}
