/**
 * Ends a listener without losing a request (docs/connections.md#stopping-drain):
 *
 *     leave     every answer says `Connection: close`, HTTP/2 clients are asked for no new requests; all requests are served
 *     finish    connections without a request are read for another second, then they are closed; what runs goes on
 *     timeout   what is left is cut
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Bag } from '../../base/bag.js';
import type { Clock } from '../../base/clock.js';
import { closeAfter } from '../../exchange/answer.js';
import { onClose } from '../../exchange/on-close.js';
import { endInStages } from '../connection/linger.js';
import type { BoundListener, Listener } from './listen.js';
import { stopAccepting } from './stop-accepting.js';

export interface DrainSettings {
  /** The time in which connections are still accepted, so that load balancers notice the drain before the port is closed. */
  readonly graceMs: number;
  /** The time that running requests may take, counted from the end of the grace. */
  readonly timeoutMs: number;
}

export interface Drain {
  /** Ends each connection with its next answer, from now on. */
  leave(): void;
  /** Ends every connection; no more of them may come. Resolves when the last one has ended. */
  finish(timeoutMs: number): Promise<void>;
}

/** The time for which a connection without a request is still read: a request may be on its way. */
const LINGER_MS = 1000;
/**
 * The time that the gateway waits for the first request of a new connection. Its client may still be busy with its handshake.
 */
const YOUNG_MS = 2000;
/** The time that closing messages, such as the close of a WebSocket, may take after the time limit. */
const CLOSE_MS = 200;

/** Drains a listener that accepts connections itself. */
export async function drainListener(
  listener: BoundListener,
  drain: Drain,
  { graceMs, timeoutMs }: DrainSettings,
): Promise<void> {
  drain.leave();
  if (graceMs > 0) await sleep(graceMs);
  listener.isClosing = true;
  await stopAccepting(listener.server);
  await drain.finish(timeoutMs);
}

/** Follows a listener's running answers from now on, so that it can be drained. */
export function prepareDrain(listener: Listener, clock: Clock): Drain {
  const { server, sessions, connections, ending } = listener;
  const running = new Bag<ServerResponse>();
  /**
   * The answer with which each connection ends. It is the answer to the latest request, until idle connections are closed; from
   * then on it stays the same.
   */
  const latest = new WeakMap<Socket, ServerResponse>();
  let isLeaving = false;
  let isFinishing = false;
  let cancelLook = () => {};
  for (const event of ['request', 'checkContinue']) server.prependListener(event, follow);

  function follow(_req: IncomingMessage, res: ServerResponse): void {
    if (isLeaving) endWith(res);
    const place = running.add(res);
    onClose(res, () => {
      running.remove(place);
      // The head of this answer may have gone out before `leave`: then Node keeps its connection open.
      if (isFinishing) closeIdleLater();
    });
  }

  /**
   * Ends the connection with this answer. If other requests wait behind it (pipelining), the last of them does so: a client
   * takes `Connection: close` as a sign that later requests get no answer (RFC 9112 §9.6).
   */
  function endWith(res: ServerResponse): void {
    const { req } = res;
    // Otherwise a client that always sends one more request could delay the end for ever.
    if (!isFinishing || !latest.has(req.socket)) latest.set(req.socket, res);
    if (res.headersSent) return;
    const { writeHead } = res;
    res.writeHead = function writeLastHead(this: ServerResponse, ...head: Parameters<typeof writeHead>) {
      if (latest.get(req.socket) === res) {
        closeAfter(res);
        endInStages(req, clock);
      }
      return writeHead.apply(this, head);
    } as typeof writeHead;
  }

  /** Closes idle connections when none has been opened or become idle for a while: a request may be on its way. */
  function closeIdleLater(delayMs = LINGER_MS): void {
    cancelLook();
    cancelLook = clock.after(delayMs, () => void afterReading().then(closeIdle));
  }

  function closeIdle(): void {
    isFinishing = true;
    const ageMs = clock.monotonic() - listener.lastOpenedAt;
    if (ageMs < YOUNG_MS) {
      closeIdleLater(YOUNG_MS - ageMs);
      return;
    }
    sessions.close();
    // Node counts the connection of an answer that is still being sent as idle. When that answer has ended, this runs again.
    for (const { writableEnded } of running) if (writableEnded) return;
    server.closeIdleConnections();
    // Browsers open some connections for later and send nothing on them.
    for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
  }

  function leave(): void {
    if (isLeaving) return;
    isLeaving = true;
    // A connection ends with the answer to its latest request.
    for (const res of running.inOrder()) endWith(res);
    sessions.leave();
  }

  return {
    leave,
    async finish(timeoutMs) {
      leave();
      listener.isClosing = true;
      sessions.closeSoon();
      closeIdleLater();
      const cancels = [
        clock.after(timeoutMs, () => ending.abort()),
        clock.after(timeoutMs + CLOSE_MS, () => {
          sessions.destroy();
          for (const socket of connections) socket.destroy();
        }),
      ];
      await listener.whenEmpty();
      for (const cancel of cancels) cancel();
      cancelLook();
      // This ends Node's timer for slow heads.
      server.close();
    },
  };
}

/**
 * Resolves when all bytes that have arrived by now are read. After a long computation, Node runs the timers that are due
 * before it reads sockets, so a timer would find a connection idle whose request has already arrived.
 */
async function afterReading(): Promise<void> {
  await nextTurn();
  await nextTurn();
}
