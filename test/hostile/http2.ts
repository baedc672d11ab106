/** An HTTP/2 client that sends any bytes, and reads as much of the answers as the hostile table needs (RFC 9113, RFC 7541). */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { DATA, frame, GOAWAY, getFrame, HEADERS, PREFACE, RST_STREAM, SETTINGS } from '../support/frames.js';
import { patience } from './family.js';

export interface Http2Target {
  readonly port: number;
  /** The CA that the client trusts. Undefined for plaintext. */
  readonly ca?: Buffer;
}

export interface StreamAnswer {
  /** 0 if no head has come. */
  status: number;
  body: Buffer;
  /** The code of RST_STREAM, if one has come. */
  reset: number | undefined;
  isEnded: boolean;
}

export interface Heard {
  readonly streams: ReadonlyMap<number, StreamAnswer>;
  /** The code of GOAWAY, if one has come. */
  readonly goneAway: number | undefined;
  readonly isClosed: boolean;
  /** True if neither of the two asked streams has ended, and neither has the connection. */
  readonly isSilent: boolean;
}

/** The stream of the good request behind the bad one. */
export const BEHIND = 101;
export const BEHIND_FRAME = getFrame(BEHIND, '/v1/things/after');

/**
 * Sends the bytes behind the preface, and a good request behind them. Resolves when the connection has ended, when both
 * streams have an end, or after the patience. `quietMs`: how long to wait for the end of stream 1 once the other one has its answer.
 */
export function talk(target: Http2Target, bytes: Buffer, preface: Uint8Array = PREFACE, quietMs = 100): Promise<Heard> {
  return new Promise((resolve) => {
    const streams = new Map<number, StreamAnswer>();
    let goneAway: number | undefined;
    let rest = Buffer.alloc(0);
    let quiet: NodeJS.Timeout | undefined;
    const socket = open(target);
    const timer = setTimeout(() => settle(false, true), patience.ms);
    const settle = (isClosed: boolean, isSilent: boolean) => {
      clearTimeout(timer);
      clearTimeout(quiet);
      socket.destroy();
      resolve({ streams, goneAway, isClosed, isSilent });
    };
    socket
      .on('error', () => settle(true, false))
      .on('end', () => settle(true, false))
      .on('close', () => settle(true, false));
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (; rest.length >= 9; ) {
        const end = 9 + rest.readUIntBE(0, 3);
        if (rest.length < end) break;
        onFrame(rest[3]!, rest[4]!, rest.readUInt32BE(5) & 0x7fffffff, rest.subarray(9, end));
        rest = rest.subarray(end);
      }
      const isOver = (id: number) => streams.get(id)?.isEnded === true;
      // Node keeps some connections open for a while, and reads no more from them.
      if (goneAway !== undefined) quiet ??= setTimeout(() => settle(false, false), quietMs / 5);
      if (isOver(1) && isOver(BEHIND)) settle(false, false);
      else if (isOver(BEHIND)) quiet ??= setTimeout(() => settle(false, false), quietMs);
    });
    socket.write(Buffer.concat([preface, bytes, BEHIND_FRAME]));

    function onFrame(type: number, flags: number, stream: number, payload: Buffer): void {
      if (type === GOAWAY) goneAway = payload.readUInt32BE(4);
      if (type === SETTINGS && (flags & 1) === 0) socket.write(frame(SETTINGS, 1, 0));
      if (stream === 0) return;
      const answer = streams.get(stream) ?? { status: 0, body: Buffer.alloc(0), reset: undefined, isEnded: false };
      streams.set(stream, answer);
      if (type === HEADERS && answer.status === 0) answer.status = statusOf(payload);
      if (type === DATA) answer.body = Buffer.concat([answer.body, payload]);
      if (type === RST_STREAM) answer.reset = payload.readUInt32BE(0);
      if (type === RST_STREAM || ((type === DATA || type === HEADERS) && (flags & 1) !== 0)) answer.isEnded = true;
    }
  });
}

function open({ port, ca }: Http2Target): Socket {
  if (ca === undefined) return connect(port, '127.0.0.1').setNoDelay(true);
  return connectTls({ port, host: '127.0.0.1', ca, servername: 'upstream.test', ALPNProtocols: ['h2'] });
}

/** The statuses that have an index of their own. */
const INDEXED = new Map([
  [0x88, 200],
  [0x89, 204],
  [0x8a, 206],
  [0x8b, 304],
  [0x8c, 400],
  [0x8d, 404],
  [0x8e, 500],
]);

/** Reads the status, which is the first field of a block. Returns -1 for an encoding that nghttp2 does not use. */
function statusOf(block: Buffer): number {
  // A change of the table's size may come first.
  if ((block[0]! & 0xe0) === 0x20)
    return statusOf(
      block.subarray((block[0]! & 0x1f) === 0x1f ? 1 + block.findIndex((byte, i) => i > 0 && byte < 128) : 1),
    );
  const first = block[0]!;
  const known = INDEXED.get(first);
  if (known !== undefined) return known;
  // A literal with an index of its own or without: the name is one of the entries 8 to 14.
  const nameIndex = first & (first >= 0x40 ? 0x3f : 0x0f);
  if (nameIndex < 8 || nameIndex > 14) return -1;
  const length = block[1]! & 0x7f;
  const value = block.subarray(2, 2 + length);
  return Number((block[1]! & 0x80) === 0 ? value.toString('latin1') : digits(value));
}

/** Decodes digits of the Huffman code of RFC 7541: 0 to 2 have five bits, the others six. */
function digits(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  let text = '';
  for (let at = 0; at + 5 <= bits.length; ) {
    const five = Number.parseInt(bits.slice(at, at + 5), 2);
    if (five <= 2) {
      text += five;
      at += 5;
      continue;
    }
    const six = Number.parseInt(bits.slice(at, at + 6), 2);
    if (bits.length < at + 6 || six < 25 || six > 31) break;
    text += six - 22;
    at += 6;
  }
  return text;
}
