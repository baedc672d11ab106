/**
 * Finds out whether a plaintext connection begins with HTTP/2's preface (RFC 9113 §3.4). The bytes that were read are put
 * back.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.js';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/**
 * Resolves to true for HTTP/2, and to false for anything else and for a connection that ends before it is known. A client
 * that sends nothing for `timeoutMs` loses its connection.
 */
export function speaksHttp2(socket: Socket, timeoutMs: number, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    let seen = Buffer.alloc(0);
    const cancelTimer = clock.after(timeoutMs, () => socket.destroy());
    const onError = () => {};
    const settle = (answer: boolean) => {
      cancelTimer();
      socket.off('readable', onReadable).off('end', onEnd).off('close', onEnd).off('error', onError);
      // Bytes cannot be put back once the connection has ended.
      if (seen.length > 0 && !socket.destroyed && !socket.readableEnded) socket.unshift(seen);
      resolve(answer);
    };
    const onReadable = () => {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) seen = Buffer.concat([seen, chunk]);
      const known = Math.min(seen.length, PREFACE.length);
      if (!seen.subarray(0, known).equals(PREFACE.subarray(0, known))) settle(false);
      else if (known === PREFACE.length) settle(true);
    };
    const onEnd = () => settle(false);
    socket.on('readable', onReadable).on('end', onEnd).on('close', onEnd).on('error', onError);
  });
}
