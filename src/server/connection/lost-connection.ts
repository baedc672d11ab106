/**
 * Emits `close` on every HTTP/1.1 answer whose connection was closed. Node does so for the answer that it is sending, but not
 * for those that wait for their turn (pipelining), and for no answer after it has handed the socket over for an `upgrade`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { isHttp2 } from '../../exchange/answer.js';
import { onClose } from '../../exchange/on-close.js';

/**
 * The open answers of a connection. Without pipelining there is one at a time, which needs no set: a set that is filled and
 * emptied again and again takes new memory.
 */
class Answers {
  private first: ServerResponse | undefined;
  private others: Set<ServerResponse> | undefined;

  add(res: ServerResponse): void {
    if (this.first === undefined) this.first = res;
    else {
      this.others ??= new Set();
      this.others.add(res);
    }
  }

  delete(res: ServerResponse): void {
    if (this.first === res) this.first = undefined;
    else this.others?.delete(res);
  }

  close(): void {
    if (this.first !== undefined) closeAnswer(this.first);
    this.others?.forEach(closeAnswer);
  }
}

/** The open answers of each connection. */
const open = new WeakMap<Socket, Answers>();

/** Makes the answer emit `close` even if its connection is lost. */
export function closeWithConnection(req: IncomingMessage, res: ServerResponse): void {
  if (isHttp2(req)) return;
  const answers = open.get(req.socket) ?? follow(req.socket);
  answers.add(res);
  onClose(res, () => answers.delete(res));
}

function follow(socket: Socket): Answers {
  const answers = new Answers();
  open.set(socket, answers);
  // This runs after Node has emitted its own `close` events.
  socket.once('close', () => setImmediate(() => answers.close()));
  return answers;
}

function closeAnswer(res: ServerResponse): void {
  res.destroy();
  if (!res.closed) res.emit('close');
}
