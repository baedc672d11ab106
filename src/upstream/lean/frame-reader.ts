/**
 * Reads frames (RFC 9113 §4 to §6) from the bytes of a connection, which may be cut anywhere. The payload of DATA is passed
 * on piece by piece, where it lies; other frames are passed on whole. It keeps no more than one frame, and the header block
 * that CONTINUATION frames make longer.
 */
import { ConnectionError, ErrorCode, Flag, FRAME_HEAD, FrameType, SMALLEST_FRAME_LIMIT } from './frames.js';

/** The largest frame that we allow, which is what every peer may send. */
const MAX_FRAME = SMALLEST_FRAME_LIMIT;
/** The largest header block that we read, and the most frames that it may come in. */
const MAX_BLOCK = 64 * 1024;
const MAX_CONTINUATIONS = 32;

/**
 * Gets the frames in their order. Buffers are valid only during the call. Each method may throw a ConnectionError. The reader
 * has checked the lengths, and that the stream id is 0, or is not 0, where RFC 9113 demands it.
 */
export interface FrameHandler {
  /** Called when a DATA frame begins. `length` counts for flow control, with its padding. */
  onDataBegin(stream: number, length: number): void;
  onDataPiece(piece: Buffer): void;
  onDataEnd(isLast: boolean): void;
  onHeaders(stream: number, block: Buffer, isLast: boolean): void;
  onReset(stream: number, code: number): void;
  onSettings(payload: Buffer): void;
  onSettingsAck(): void;
  /** Called for a PING that must be answered. */
  onPing(payload: Buffer): void;
  onGoaway(lastStream: number, code: number): void;
  onWindowUpdate(stream: number, increment: number): void;
}

export class FrameReader {
  private readonly scratch = Buffer.alloc(FRAME_HEAD);
  /** The number of bytes of the next frame's head that are in `scratch`. */
  private headBytes = 0;
  private hasBegun = false;
  private type = -1;
  private flags = 0;
  private stream = 0;
  /** The number of bytes of the payload that have not come yet. */
  private left = 0;
  /** True while a frame has begun and is not whole. */
  private isInside = false;
  /** The bytes at the end of a DATA frame that are padding; -1 while that is not known. */
  private padding = 0;
  /** The payload of a frame that came in pieces. */
  private payload: Buffer | undefined;
  private payloadBytes = 0;
  /** The header block that CONTINUATION frames continue. */
  private block:
    | { readonly stream: number; readonly isLast: boolean; readonly parts: Buffer[]; bytes: number }
    | undefined;

  constructor(private readonly handler: FrameHandler) {}

  /** Reads a chunk, which is not needed afterwards. Throws a ConnectionError. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) at = this.isInside ? this.readPayload(chunk, at) : this.readHead(chunk, at);
  }

  private readHead(chunk: Buffer, start: number): number {
    if (this.headBytes === 0 && chunk.length - start >= FRAME_HEAD) {
      this.begin(chunk, start);
      return start + FRAME_HEAD;
    }
    const count = Math.min(FRAME_HEAD - this.headBytes, chunk.length - start);
    chunk.copy(this.scratch, this.headBytes, start, start + count);
    this.headBytes += count;
    if (this.headBytes === FRAME_HEAD) {
      this.headBytes = 0;
      this.begin(this.scratch, 0);
    }
    return start + count;
  }

  private begin(head: Buffer, at: number): void {
    const length = (head[at]! << 16) | (head[at + 1]! << 8) | head[at + 2]!;
    this.type = head[at + 3]!;
    this.flags = head[at + 4]!;
    this.stream = head.readUInt32BE(at + 5) & 0x7fff_ffff;
    this.left = length;
    if (!this.hasBegun && (this.type !== FrameType.SETTINGS || (this.flags & Flag.ACK) !== 0))
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `expected SETTINGS first, got a frame of type ${this.type}`);
    this.hasBegun = true;
    if (length > MAX_FRAME)
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `expected at most ${MAX_FRAME} bytes, got ${length}`);
    const { block } = this;
    if (block !== undefined && (this.type !== FrameType.CONTINUATION || this.stream !== block.stream))
      throw protocolError(`expected CONTINUATION, got a frame of type ${this.type}`);
    this.check(length);
    this.isInside = true;
    if (this.type === FrameType.DATA) {
      this.padding = (this.flags & Flag.PADDED) === 0 ? 0 : -1;
      if (this.padding < 0 && length === 0)
        throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'DATA without its padding');
      this.handler.onDataBegin(this.stream, length);
    }
    if (length === 0) this.finish(EMPTY);
  }

  /** Checks what the head of a frame says (RFC 9113 §6). */
  private check(length: number): void {
    const { type, stream } = this;
    switch (type) {
      case FrameType.DATA:
      case FrameType.HEADERS:
        return needsStream(type, stream);
      case FrameType.PRIORITY:
        needsStream(type, stream);
        return needsLength(type, length, 5);
      case FrameType.RST_STREAM:
        needsStream(type, stream);
        return needsLength(type, length, 4);
      case FrameType.SETTINGS:
        needsNoStream(type, stream);
        if ((this.flags & Flag.ACK) !== 0) return needsLength(type, length, 0);
        return needsLength(type, length, length - (length % 6));
      case FrameType.PUSH_PROMISE:
        throw protocolError('expected no PUSH_PROMISE, because push is off');
      case FrameType.PING:
        needsNoStream(type, stream);
        return needsLength(type, length, 8);
      case FrameType.GOAWAY:
        needsNoStream(type, stream);
        return needsLength(type, length, Math.max(8, length));
      case FrameType.WINDOW_UPDATE:
        return needsLength(type, length, 4);
      case FrameType.CONTINUATION:
        if (this.block === undefined) throw protocolError('expected no CONTINUATION, because no header block is open');
    }
  }

  private readPayload(chunk: Buffer, start: number): number {
    if (this.type === FrameType.DATA) return this.readData(chunk, start);
    const end = Math.min(chunk.length, start + this.left);
    this.left -= end - start;
    if (this.type > FrameType.CONTINUATION) {
      // A frame of an unknown type is ignored (RFC 9113 §4.1).
      if (this.left === 0) this.isInside = false;
      return end;
    }
    if (this.payload === undefined && this.left === 0) {
      this.finish(chunk.subarray(start, end));
      return end;
    }
    if (this.payload === undefined) {
      this.payload = Buffer.allocUnsafe(end - start + this.left);
      this.payloadBytes = 0;
    }
    chunk.copy(this.payload, this.payloadBytes, start, end);
    this.payloadBytes += end - start;
    if (this.left === 0) {
      const { payload } = this;
      this.payload = undefined;
      this.finish(payload);
    }
    return end;
  }

  private readData(chunk: Buffer, start: number): number {
    if (this.padding < 0) {
      this.padding = chunk[start]!;
      this.left--;
      if (this.padding > this.left) throw protocolError(`DATA with ${this.padding} bytes of padding in ${this.left}`);
      if (this.left === 0) this.finish(EMPTY);
      return start + 1;
    }
    const end = Math.min(chunk.length, start + this.left);
    const endOfData = Math.min(end, start + this.left - this.padding);
    if (endOfData > start) this.handler.onDataPiece(chunk.subarray(start, endOfData));
    this.left -= end - start;
    if (this.left === 0) this.finish(EMPTY);
    return end;
  }

  private finish(payload: Buffer): void {
    this.isInside = false;
    const { handler, stream, flags } = this;
    switch (this.type) {
      case FrameType.DATA:
        return handler.onDataEnd((flags & Flag.END_STREAM) !== 0);
      case FrameType.HEADERS:
        return this.onBlock(stream, fragmentOf(payload, flags), (flags & Flag.END_STREAM) !== 0);
      case FrameType.CONTINUATION:
        return this.onContinuation(payload);
      case FrameType.RST_STREAM:
        return handler.onReset(stream, payload.readUInt32BE(0));
      case FrameType.SETTINGS:
        return (flags & Flag.ACK) !== 0 ? handler.onSettingsAck() : handler.onSettings(payload);
      case FrameType.PING:
        return (flags & Flag.ACK) !== 0 ? undefined : handler.onPing(payload);
      case FrameType.GOAWAY:
        return handler.onGoaway(payload.readUInt32BE(0) & 0x7fff_ffff, payload.readUInt32BE(4));
      case FrameType.WINDOW_UPDATE:
        return handler.onWindowUpdate(stream, payload.readUInt32BE(0) & 0x7fff_ffff);
    }
  }

  private onBlock(stream: number, fragment: Buffer, isLast: boolean): void {
    if ((this.flags & Flag.END_HEADERS) !== 0) return this.handler.onHeaders(stream, fragment, isLast);
    this.block = { stream, isLast, parts: [Buffer.from(fragment)], bytes: fragment.length };
  }

  private onContinuation(payload: Buffer): void {
    const block = this.block!;
    block.parts.push(Buffer.from(payload));
    block.bytes += payload.length;
    if (block.bytes > MAX_BLOCK || block.parts.length > MAX_CONTINUATIONS)
      throw new ConnectionError(
        ErrorCode.ENHANCE_YOUR_CALM,
        `expected at most ${MAX_BLOCK} bytes of headers, got more`,
      );
    if ((this.flags & Flag.END_HEADERS) === 0) return;
    this.block = undefined;
    this.handler.onHeaders(block.stream, Buffer.concat(block.parts, block.bytes), block.isLast);
  }
}

const EMPTY = Buffer.alloc(0);

/** Returns the part of a HEADERS frame that is a header block: without padding and priority. */
function fragmentOf(payload: Buffer, flags: number): Buffer {
  let start = 0;
  let end = payload.length;
  if ((flags & Flag.PADDED) !== 0) {
    start = 1;
    end -= payload[0] ?? 0;
  }
  if ((flags & Flag.PRIORITY) !== 0) start += 5;
  if (start > end) throw protocolError('HEADERS with more padding than payload');
  return start === 0 && end === payload.length ? payload : payload.subarray(start, end);
}

function needsStream(type: number, stream: number): void {
  if (stream === 0) throw protocolError(`a frame of type ${type} on stream 0`);
}

function needsNoStream(type: number, stream: number): void {
  if (stream !== 0) throw protocolError(`a frame of type ${type} on stream ${stream}`);
}

function needsLength(type: number, length: number, expected: number): void {
  if (length !== expected)
    throw new ConnectionError(
      ErrorCode.FRAME_SIZE_ERROR,
      `a frame of type ${type}: expected ${expected} bytes, got ${length}`,
    );
}

function protocolError(message: string): ConnectionError {
  return new ConnectionError(ErrorCode.PROTOCOL_ERROR, message);
}
