/**
 * Draws what an upstream sends, by a seed: header blocks, frames, and whole answers that are right but for a few mistakes in
 * frames or in any of their bytes.
 */
import { draws } from '../../support/draws.js';
import {
  CONTINUATION,
  DATA,
  frame,
  GOAWAY,
  HEADERS,
  literals,
  PING,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from '../../support/frames.js';
import { GRPC, message } from '../../support/http2-upstream.js';

type Draw = (n: number) => number;

const VALUES = ['', '0', '200', '302', 'application/grpc', 'gzip', 'a', 'v'.repeat(120), 'k=1; p=2', '\0', 'x\r\ny: 1'];
const NAMES = [':status', 'content-type', 'grpc-status', 'grpc-message', 'grpc-encoding', 'x-a', 'x-b-bin', 'X-C', ''];

/** Returns a header block. A third of them has fields of all kinds, right and wrong, and bytes that are none. */
export function drawBlock(draw: Draw): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')]);
  const name = () => text(pick(NAMES, draw));
  const value = () => text(pick(VALUES, draw));
  const right = [
    () => Buffer.from([0x81 + draw(61)]),
    () => Buffer.concat([Buffer.from([0x40]), name(), value()]),
    () => Buffer.concat([Buffer.from([0x41 + draw(61)]), value()]),
    () => Buffer.concat([Buffer.from([draw(2) * 16]), name(), value()]),
    () => literals({ ...GRPC, 'grpc-status': '0' }),
    () => bytes('408825a849e95ba97d7f8925a849e95bb8e8b4bf'), // RFC 7541 C.4.3
  ];
  const wrong = [
    () => Buffer.from([0x80 | draw(128)]),
    () => Buffer.concat([Buffer.from([draw(128)]), value()]),
    () => Buffer.from([0x20 | draw(32), draw(256), draw(128)]),
    () => {
      const code = bytesOf(draw, draw(20));
      return Buffer.concat([Buffer.from([0x40, 1, 0x61, 0x80 | code.length]), code]);
    },
    () => bytesOf(draw, draw(8)),
  ];
  const kinds = draw(3) === 0 ? [...right, ...wrong] : right;
  const start = draw(6) === 0 ? Buffer.from([0x20 | draw(31)]) : Buffer.alloc(0);
  return Buffer.concat([start, ...Array.from({ length: draw(12) }, () => pick(kinds, draw)())]);
}

function bytes(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}

/** Returns a frame of any type, mostly with a payload that fits its type. */
export function drawFrame(draw: Draw, stream: number): Buffer {
  const flags = draw(3) === 0 ? draw(256) : draw(2) * 4 + draw(2);
  const id = draw(8) === 0 ? draw(12) : stream;
  const number = () => Buffer.from([draw(4) === 0 ? draw(256) : 0, draw(256), draw(256), draw(256)]);
  switch (draw(12)) {
    case 0:
    case 1:
      return frame(DATA, flags, id, bytesOf(draw, draw(300)));
    case 2:
      return frame(DATA, flags & 1, id, message(bytesOf(draw, draw(300))));
    case 3:
    case 4:
      return frame(HEADERS, flags, id, drawBlock(draw));
    case 5:
      return frame(CONTINUATION, flags, id, drawBlock(draw));
    case 6:
      return frame(SETTINGS, flags & 1, 0, Buffer.concat([Buffer.from([0, draw(8)]), number()]));
    case 7:
      return frame(PING, flags & 1, 0, bytesOf(draw, 8));
    case 8:
      return frame(WINDOW_UPDATE, 0, draw(2) === 0 ? 0 : id, number());
    case 9:
      return frame(RST_STREAM, 0, id, Buffer.from([0, 0, 0, draw(14)]));
    case 10:
      return frame(GOAWAY, 0, 0, Buffer.concat([Buffer.from([0, 0, 0, draw(8)]), Buffer.from([0, 0, 0, draw(14)])]));
    default:
      return frame(draw(16), flags, id, bytesOf(draw, draw(40)));
  }
}

/** Returns the frames of a whole answer with none to four mistakes. */
export function drawAnswer(draw: Draw, stream: number): Buffer[] {
  const sent = Array.from({ length: 1 + (draw(3) === 0 ? draw(4) : 0) }, () => message(bytesOf(draw, draw(2000))));
  const body = Buffer.concat(sent);
  const cut = draw(body.length + 1);
  const pieces = [
    frame(HEADERS, 4, stream, literals(GRPC)),
    frame(DATA, 0, stream, body.subarray(0, cut)),
    frame(DATA, 0, stream, body.subarray(cut)),
    frame(HEADERS, 5, stream, literals({ 'grpc-status': draw(9) === 0 ? `${draw(20)}` : '0' })),
  ];
  for (let mistakes = draw(5); mistakes > 0; mistakes--) spoil(pieces, draw, stream);
  return pieces;
}

function spoil(pieces: Buffer[], draw: Draw, stream: number): void {
  const at = draw(pieces.length + 1);
  const piece = pieces[at];
  if (piece === undefined || draw(3) === 0) return void pieces.splice(at, 0, drawFrame(draw, stream));
  switch (draw(5)) {
    case 0:
      return void pieces.splice(at, 1);
    case 1:
      return void pieces.splice(at, 0, piece);
    case 2:
      return void pieces.splice(at, 1, piece.subarray(0, draw(piece.length)));
    case 3:
      return void pieces.splice(at, 1, Buffer.concat([piece, bytesOf(draw, 1 + draw(12))]));
    default: {
      const changed = Buffer.from(piece);
      // Most of what a frame means is in its first bytes.
      const index = draw(draw(2) === 0 ? Math.min(9, changed.length || 1) : changed.length || 1);
      if (index < changed.length) changed[index] = draw(256);
      pieces[at] = changed;
    }
  }
}

export function bytesOf(draw: Draw, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => draw(256)));
}

function pick<Value>(values: readonly Value[], draw: Draw): Value {
  return values[draw(values.length)]!;
}

/** Returns the numbers of one case. Seeds that follow each other give unrelated numbers. */
export function drawsOf(seed: number): Draw {
  const draw = draws((seed * 2_654_435_761) % 0x7fffffff);
  draw(2);
  return draw;
}
