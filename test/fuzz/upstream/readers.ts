/** Feeds drawn bytes to the readers of header blocks and of frames, and checks what they make of them. */

import { type FrameHandler, FrameReader } from '../../../src/upstream/lean/frame-reader.js';
import { ConnectionError } from '../../../src/upstream/lean/frames.js';
import { HpackDecoder } from '../../../src/upstream/lean/hpack-decoder.js';
import { frame, SETTINGS } from '../../support/frames.js';
import { bytesOf, drawBlock, drawFrame, drawsOf } from './draw-frames.js';

/** The result of one case: its name for the table of counts, and the fault; undefined if there is none. */
export interface Verdict {
  readonly result: string;
  readonly fault?: string;
}

/** Notes the number of bytes that a reader gets. */
type Note = (bytes: number) => void;

const LIST_BYTES = 4096;

/** Decodes blocks of one connection until one is invalid. */
export function tryHpack(seed: number, note: Note): Verdict {
  const draw = drawsOf(seed);
  const decoder = new HpackDecoder(LIST_BYTES);
  let isCut = false;
  for (let blocks = 1 + draw(8); blocks > 0; blocks--) {
    const block = draw(4) === 0 ? bytesOf(draw, draw(64)) : drawBlock(draw);
    note(block.length);
    try {
      const list = decoder.decode(block);
      isCut ||= list === undefined;
      const size = list?.reduce((sum, text) => sum + text.length, 16 * list.length) ?? 0;
      if (size > LIST_BYTES) return { result: 'decoded', fault: `headers of ${size} bytes` };
      if (list !== undefined && list.length % 2 !== 0) return { result: 'decoded', fault: 'a name without a value' };
    } catch (error) {
      return error instanceof ConnectionError ? { result: 'refused' } : { result: 'threw', fault: String(error) };
    }
  }
  return { result: isCut ? 'too large' : 'decoded' };
}

/** Reads frames as one piece and cut into pieces: both ways must give the same. */
export function tryFrames(seed: number, note: Note): Verdict {
  const draw = drawsOf(seed);
  const parts = [frame(SETTINGS, 0, 0)];
  for (let count = draw(8); count > 0; count--) parts.push(drawFrame(draw, 1 + 2 * draw(3)));
  if (draw(3) === 0) parts.push(bytesOf(draw, draw(30)));
  const bytes = Buffer.concat(parts);
  note(bytes.length);
  const whole = read([bytes]);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + draw(draw(2) === 0 ? 4 : 400);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  const cut = read(pieces);
  const result = whole.failure === undefined ? 'read' : 'refused';
  if (whole.failure !== undefined && !(whole.failure instanceof ConnectionError))
    return { result: 'threw', fault: String(whole.failure) };
  if (whole.dataBytes > bytes.length) return { result, fault: `${whole.dataBytes} bytes of ${bytes.length}` };
  const same = whole.events === cut.events && String(whole.failure) === String(cut.failure);
  return same
    ? { result }
    : { result, fault: `cut: ${cut.events} ${cut.failure}, whole: ${whole.events} ${whole.failure}` };
}

function read(pieces: readonly Buffer[]): { events: string; failure: unknown; dataBytes: number } {
  const events: string[] = [];
  let data = '';
  let dataBytes = 0;
  const handler: FrameHandler = {
    onDataBegin: (stream, length) => void events.push(`DATA ${stream} ${length}`),
    onDataPiece(piece) {
      data += piece.toString('hex');
      dataBytes += piece.length;
    },
    onDataEnd(isLast) {
      events.push(`${data} ${isLast}`);
      data = '';
    },
    onHeaders: (stream, block, isLast) => void events.push(`HEADERS ${stream} ${block.toString('hex')} ${isLast}`),
    onReset: (stream, code) => void events.push(`RST ${stream} ${code}`),
    onSettings: (payload) => void events.push(`SETTINGS ${payload.toString('hex')}`),
    onSettingsAck: () => void events.push('ACK'),
    onPing: (payload) => void events.push(`PING ${payload.toString('hex')}`),
    onGoaway: (last, code) => void events.push(`GOAWAY ${last} ${code}`),
    onWindowUpdate: (stream, increment) => void events.push(`WINDOW ${stream} ${increment}`),
  };
  const reader = new FrameReader(handler);
  try {
    for (const piece of pieces) {
      // The memory of a chunk is used again, so nothing may refer to it later.
      const chunk = Buffer.from(piece);
      reader.push(chunk);
      chunk.fill(0xee);
    }
    return { events: events.join('\n'), failure: undefined, dataBytes };
  } catch (failure) {
    return { events: events.join('\n'), failure, dataBytes };
  }
}
