/** Sends bytes on a connection of their own, and gathers what comes back. */
import { connect } from 'node:net';

export interface Sent {
  readonly received: Buffer;
  /** True if the gateway has ended the connection. */
  readonly isClosed: boolean;
}

/** Writes the pieces. Resolves when the gateway has ended the connection, or after `patienceMs`. */
export function sendBytes(
  port: number,
  pieces: readonly Buffer[],
  { endsAfter, patienceMs }: { readonly endsAfter: boolean; readonly patienceMs: number },
): Promise<Sent> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const timer = setTimeout(() => end(false), patienceMs);
    const end = (isClosed: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ received: Buffer.concat(chunks), isClosed });
    };
    socket.setNoDelay(true);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => end(true));
    socket.on('end', () => end(true));
    for (const piece of pieces) socket.write(piece);
    if (endsAfter) socket.end();
  });
}
