/**
 * Tells every HTTP/1.1 answer that its connection is gone. Node tells the one whose turn it is, but not those that wait
 * behind it (pipelining), and none at all once somebody else has the socket (`upgrade`).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { isHttp2 } from '../../exchange/answer.js';

/** By connection, which may be gone before its answers. */
const open = new WeakMap<Socket, Set<ServerResponse>>();

/** From now on `close` of the answer comes whatever becomes of its connection. */
export function tellWhenGone(req: IncomingMessage, res: ServerResponse): void {
  if (isHttp2(req)) return;
  const answers = open.get(req.socket) ?? follow(req.socket);
  answers.add(res);
  res.once('close', () => answers.delete(res));
}

function follow(socket: Socket): Set<ServerResponse> {
  const answers = new Set<ServerResponse>();
  open.set(socket, answers);
  // After Node has told what it tells.
  socket.once('close', () => setImmediate(() => answers.forEach(tellGone)));
  return answers;
}

function tellGone(res: ServerResponse): void {
  res.destroy();
  if (!res.closed) res.emit('close');
}
