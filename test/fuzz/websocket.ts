/** Opens WebSockets and sends drawn frames: messages that are right and wrong, broken frames, pieces, early ends (RFC 6455). */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { draws } from '../support/draws.js';
import { type Draw, drawJson, mutateText } from './draw-request.js';
import type { Outcome } from './outcome.js';

const PATHS = [
  '/v1/chat',
  '/v1/send',
  '/v1/groups/a/watch',
  '/v1/upload',
  '/v1/things/1',
  '/v1/chat?page_size=1',
  '/nowhere',
];
const TEXT = 1;
const CLOSE = 8;
/** The codes that RFC 6455 section 7.4.1 lets a server send, and 4000 plus the gRPC code, without those of failures inside. */
const isGood = (code: number) =>
  [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010].includes(code) ||
  (code > 4000 && code < 4017 && ![4002, 4013, 4014].includes(code));

export async function tryWebSocket(port: number, seed: number, patienceMs: number): Promise<Outcome> {
  const draw = draws(seed);
  const { received, closed } = await converse(port, draw, patienceMs);
  if (!closed) return { kind: 'websocket', verdict: `no end after ${patienceMs} ms` };
  const headEnd = received.indexOf('\r\n\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(received.toString('latin1', 0, 12))?.[1] ?? 0);
  if (status !== 101) {
    return { kind: 'websocket', verdict: status >= 500 && status !== 501 ? `handshake: ${status}` : undefined, status };
  }
  const code = closeCodeOf(received.subarray(headEnd + 4));
  if (typeof code === 'string') return { kind: 'websocket', verdict: code };
  return { kind: 'websocket', verdict: code === 0 || isGood(code) ? undefined : `close code ${code}`, status: code };
}

/** Returns the code of the close frame, 0 if there is none; or what is wrong with the frames of the server. */
function closeCodeOf(frames: Buffer): number | string {
  let at = 0;
  while (at + 2 <= frames.length) {
    const opcode = frames[at]! & 0x0f;
    if ((frames[at]! & 0x70) !== 0) return 'a reserved bit in a frame of the gateway';
    if ((frames[at + 1]! & 0x80) !== 0) return 'a masked frame of the gateway';
    let length = frames[at + 1]! & 0x7f;
    at += 2;
    if (length === 126) {
      length = frames.readUInt16BE(at);
      at += 2;
    } else if (length === 127) {
      length = Number(frames.readBigUInt64BE(at));
      at += 8;
    }
    if (at + length > frames.length) return opcode === CLOSE ? 'a close frame that is cut' : 0;
    const payload = frames.subarray(at, at + length);
    if (opcode === CLOSE) return payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    if (opcode === TEXT) {
      try {
        JSON.parse(payload.toString('utf8'));
      } catch {
        return `a message that is no JSON: ${payload.toString('utf8').slice(0, 100)}`;
      }
    }
    at += length;
  }
  return 0;
}

function converse(
  port: number,
  draw: Draw,
  patienceMs: number,
): Promise<{ readonly received: Buffer; readonly closed: boolean }> {
  const path = PATHS[draw(PATHS.length)]!;
  const head = `GET ${path} HTTP/1.1\r\nHost: gateway.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: ${draw(20) === 0 ? 8 : 13}\r\nSec-WebSocket-Key: ${randomBytes(draw(20) === 0 ? 3 : 16).toString('base64')}\r\n\r\n`;
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const timer = setTimeout(() => end(false), patienceMs);
    let isOpen = false;
    const end = (closed: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ received: Buffer.concat(chunks), closed });
    };
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      if (isOpen || !Buffer.concat(chunks).includes('\r\n\r\n')) return;
      isOpen = true;
      for (let frames = draw(5); frames > 0; frames--) socket.write(drawFrame(draw));
      // Most say good-bye, some just go.
      if (draw(5) > 0) socket.write(frame(CLOSE, Buffer.from([0x03, 0xe8]), draw));
      socket.end();
    });
    socket.on('error', () => end(true));
    socket.on('end', () => end(true));
    socket.write(head);
  });
}

function drawFrame(draw: Draw): Buffer {
  const text = draw(3) === 0 ? mutateText(drawJson(draw, 2), draw) : drawJson(draw, 2);
  switch (draw(12)) {
    case 0:
      return frame(2, Buffer.from(text), draw);
    case 1:
      return frame(draw(16), Buffer.from(text), draw);
    case 2:
      return frame(9, Buffer.alloc(draw(140)), draw);
    case 3:
      return frame(TEXT, Buffer.from([0xff, 0xfe]), draw);
    case 4: {
      const bytes = frame(TEXT, Buffer.from(text), draw);
      bytes[draw(Math.min(6, bytes.length))] = draw(256);
      return bytes;
    }
    case 5: {
      const half = Math.floor(text.length / 2);
      return Buffer.concat([
        frame(TEXT, Buffer.from(text.slice(0, half)), draw, false),
        frame(0, Buffer.from(text.slice(half)), draw),
      ]);
    }
    case 6:
      return frame(TEXT, Buffer.alloc(0), draw);
    case 7:
      return frame(TEXT, Buffer.from(`{"text":"${'a'.repeat(300_000)}"}`), draw);
    default:
      return frame(TEXT, Buffer.from(text), draw);
  }
}

function frame(opcode: number, payload: Buffer, draw: Draw, isLast = true): Buffer {
  const mask = Buffer.from([draw(256), draw(256), draw(256), draw(256)]);
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = (isLast ? 0x80 : 0) | opcode;
  head[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  else if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, mask, payload.map((byte, index) => byte ^ mask[index % 4]!)]);
}
