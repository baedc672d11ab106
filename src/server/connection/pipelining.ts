/**
 * Pipelining (RFC 9112 §9.3.2): HTTP/1.1 answers go out in the order of their requests. A request is served only when the
 * answers before it are out, so that it sees their effects, and one packet cannot start a thousand calls. Waiting requests
 * cost memory, so nothing more is read from a connection on which many wait.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { answerOn } from '../../exchange/answer.js';

/**
 * The most requests that may wait on one connection, as many as HTTP/2 has streams. While reading is paused, the gateway does
 * not notice that the client has left.
 */
const MOST_WAITING = 100;

/**
 * Returns undefined if it is the request's turn now. Otherwise resolves to true when its turn comes, or to false if its
 * connection was closed before.
 */
export function afterEarlierAnswers(req: IncomingMessage, res: ServerResponse): Promise<boolean> | undefined {
  const { socket } = req;
  const current = answerOn(socket);
  if (current === undefined || current === res) return undefined;
  beginWait(socket);
  return new Promise((resolve) => {
    // Node gives the connection to one answer after the other.
    res.once('socket', () => {
      endWait(socket);
      resolve(true);
    });
    res.once('close', () => resolve(false));
  });
}

const waiting = new WeakMap<Socket, number>();

function beginWait(socket: Socket): void {
  const count = (waiting.get(socket) ?? 0) + 1;
  waiting.set(socket, count);
  if (count !== MOST_WAITING) return;
  // Node still parses the bytes that it has read, and resumes the connection at the end of each request: so it is paused
  // again.
  socket.on('resume', keepPaused);
  socket.pause();
}

function endWait(socket: Socket): void {
  const count = waiting.get(socket)! - 1;
  waiting.set(socket, count);
  if (count !== MOST_WAITING - 1) return;
  socket.off('resume', keepPaused);
  socket.resume();
}

function keepPaused(this: Socket): void {
  this.pause();
}
