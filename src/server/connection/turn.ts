/**
 * Pipelining (RFC 9112 §9.3.2). HTTP/1.1 answers come in the order of their requests, and each is begun when those before it
 * are out, so that it meets what they did, and one packet does not start a thousand calls. What waits costs memory: of
 * a connection on which much does, no more is read.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { answerOn, isHttp2 } from '../../exchange/answer.js';

/** As many as HTTP/2 takes at once. While reading rests, nobody hears that the client has left. */
const MOST_WAITING = 100;

/** Undefined: at once. Else resolves when the request's turn has come; to false if its connection is gone. */
export function turnOf(req: IncomingMessage, res: ServerResponse): Promise<boolean> | undefined {
  if (isHttp2(req)) return undefined;
  const { socket } = req;
  const current = answerOn(socket);
  if (current === undefined || current === res) return undefined;
  wait(socket);
  return new Promise((resolve) => {
    // Node gives the connection to one answer after the other.
    res.once('socket', () => {
      goOn(socket);
      resolve(true);
    });
    res.once('close', () => resolve(false));
  });
}

const waiting = new WeakMap<Socket, number>();

function wait(socket: Socket): void {
  const count = (waiting.get(socket) ?? 0) + 1;
  waiting.set(socket, count);
  if (count !== MOST_WAITING) return;
  // What Node has read is parsed to its end, and the end of a request resumes its connection.
  socket.on('resume', rest);
  socket.pause();
}

function goOn(socket: Socket): void {
  const count = waiting.get(socket)! - 1;
  waiting.set(socket, count);
  if (count !== MOST_WAITING - 1) return;
  socket.off('resume', rest);
  socket.resume();
}

function rest(this: Socket): void {
  this.pause();
}
