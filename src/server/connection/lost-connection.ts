/**
 * Emits `close` on every HTTP/1.1 answer whose connection is gone. Node does so for the answer whose turn it is, but not for
 * those that wait behind it (pipelining), and for none once an `upgrade` has taken the socket from it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { isHttp2 } from '../../exchange/answer.js';
import { onClose } from '../../exchange/on-close.js';

/** The open answers of each connection. A connection may be gone before its answers are. */
const open = new WeakMap<Socket, Set<ServerResponse>>();

/** Makes the answer emit `close` even if its connection is lost. */
export function closeWithConnection(req: IncomingMessage, res: ServerResponse): void {
  if (isHttp2(req)) return;
  const answers = open.get(req.socket) ?? follow(req.socket);
  answers.add(res);
  onClose(res, () => answers.delete(res));
}

function follow(socket: Socket): Set<ServerResponse> {
  const answers = new Set<ServerResponse>();
  open.set(socket, answers);
  // This runs after Node has emitted its own `close` events.
  socket.once('close', () => setImmediate(() => answers.forEach(closeAnswer)));
  return answers;
}

function closeAnswer(res: ServerResponse): void {
  res.destroy();
  if (!res.closed) res.emit('close');
}
