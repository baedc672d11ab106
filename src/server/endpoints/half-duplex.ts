/**
 * Serves a method that streams both ways over HTTP/1.1. Most HTTP/1.1 clients read nothing before they have sent
 * everything, so answers wait until the request has ended, and stream from then on. Waiting answers cost memory, so they
 * are bounded.
 */
import type { IncomingMessage } from 'node:http';
import { hasBody } from '../../exchange/answer.js';
import { gatewayError } from '../../status/status-error.js';

/** The most bytes of answers, as the upstream sent them, that may wait for the end of one request. */
export const MOST_WAITING_BYTES = 1024 * 1024;

/**
 * Yields the messages when the request or the stream of the upstream has ended. Throws RESOURCE_EXHAUSTED (413) when more than
 * {@link MOST_WAITING_BYTES} wait.
 */
export async function* afterRequest(
  messages: AsyncIterator<Uint8Array>,
  req: IncomingMessage,
): AsyncGenerator<Uint8Array> {
  const ended = endOf(req);
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  let next = take();
  try {
    for (;;) {
      const found = await Promise.race([next, ended]);
      if (found === undefined || found.done === true) break;
      bytes += found.value.length;
      if (bytes > MOST_WAITING_BYTES) throw tooMuchWaits();
      waiting.push(found.value);
      next = take();
    }
    yield* waiting;
    waiting = [];
    for (let found = await next; found.done !== true; found = await messages.next()) yield found.value;
  } finally {
    await messages.return?.();
  }

  function take(): Promise<IteratorResult<Uint8Array>> {
    const taken = messages.next();
    // A failure is thrown when its turn comes; until then it must not count as unhandled.
    taken.catch(() => {});
    return taken;
  }
}

/** Resolves to undefined when no more of the request will come. */
function endOf(req: IncomingMessage): Promise<undefined> {
  if (!hasBody(req) || req.readableEnded || req.destroyed) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const end = () => resolve(undefined);
    req.once('end', end).once('close', end);
  });
}

function tooMuchWaits() {
  const text = `answers: over HTTP/1.1 they wait for the end of the request, so expected at most ${MOST_WAITING_BYTES} bytes of them, got more; use HTTP/2 or a WebSocket to stream both ways`;
  return gatewayError('HALF_DUPLEX_LIMIT', text, { closeConnection: true });
}
