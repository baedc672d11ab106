/** Whether a plaintext connection begins with HTTP/2's preface (RFC 9113 §3.4). What was read is put back. */
import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.js';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** False also for what ends before it is known; a client that says nothing for `timeoutMs` loses the connection. */
export function speaksHttp2(socket: Socket, timeoutMs: number, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    let seen = Buffer.alloc(0);
    const cancelTimer = clock.after(timeoutMs, () => socket.destroy());
    const onError = () => {};
    const settle = (answer: boolean) => {
      cancelTimer();
      socket.off('readable', onReadable).off('end', onEnd).off('close', onEnd).off('error', onError);
      // Of what has ended nothing can be put back.
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
