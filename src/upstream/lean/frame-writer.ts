/**
 * Writes frames (RFC 9113 §4 to §6). The frames that all streams of a connection send in one turn of the event loop are one
 * write to the socket. Small frames are written into buffers that are used again; large messages are not copied.
 */
import type { Socket } from 'node:net';
import { PREFIX } from '../message-reader.js';
import { Flag, FRAME_HEAD, FrameType, Setting } from './frames.js';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
/** The instruction of HPACK that sets the size of the dynamic table to 0 (RFC 7541 §6.3). */
const EMPTY_TABLE = Buffer.from([0x20]);
const BUFFER_BYTES = 32 * 1024;
/** The most unused buffers that a connection keeps for later frames. */
const MOST_FREE = 2;
/**
 * The most bytes of a piece of a message that is copied into the buffer. Copying is cheaper than a write with many separate
 * pieces.
 */
const COPY_BYTES = 8 * 1024;

export class FrameWriter {
  /** The buffer that is being filled, with the part that is not in `parts` yet. */
  private buffer: Buffer | undefined;
  private start = 0;
  private end = 0;
  private parts: Buffer[] = [];
  /** The buffers that are full, and that were not passed to the socket yet. */
  private full: Buffer[] = [];
  private readonly free: Buffer[] = [];
  private pendingBytes = 0;
  private pendingControl = 0;
  private writingBytes = 0;
  private writingControl = 0;
  private isScheduled = false;
  private readonly flushLater = () => {
    this.isScheduled = false;
    this.flush();
  };

  constructor(
    private readonly socket: Socket,
    /** Called when the socket has taken the written bytes. */
    private readonly onWritten: () => void,
  ) {}

  /** Returns the number of bytes that the socket has not taken yet. */
  get backlog(): number {
    return this.pendingBytes + this.writingBytes;
  }

  /**
   * Returns how many of these bytes are answers to frames of the peer. The number grows if a peer sends frames and does not
   * read the answers.
   */
  get controlBacklog(): number {
    return this.pendingControl + this.writingControl;
  }

  preface(settings: readonly (readonly [setting: number, value: number])[]): void {
    this.bytes(PREFACE);
    this.head(settings.length * 6, FrameType.SETTINGS, 0, 0);
    for (const [setting, value] of settings) {
      this.reserve(6);
      this.buffer!.writeUInt16BE(setting, this.end);
      this.buffer!.writeUInt32BE(value, this.end + 2);
      this.end += 6;
    }
    this.sendLater();
  }

  /** Writes an empty SETTINGS frame, which the peer must acknowledge. */
  question(): void {
    this.head(0, FrameType.SETTINGS, 0, 0);
    this.sendLater();
  }

  settingsAck(): void {
    this.pendingControl += FRAME_HEAD;
    this.head(0, FrameType.SETTINGS, Flag.ACK, 0);
    this.sendLater();
  }

  pingAck(payload: Buffer): void {
    this.pendingControl += FRAME_HEAD + payload.length;
    this.head(payload.length, FrameType.PING, Flag.ACK, 0);
    this.bytes(payload);
    this.sendLater();
  }

  windowUpdate(stream: number, increment: number): void {
    this.number(FrameType.WINDOW_UPDATE, stream, increment);
  }

  reset(stream: number, code: number): void {
    this.pendingControl += FRAME_HEAD + 4;
    this.number(FrameType.RST_STREAM, stream, code);
  }

  goaway(code: number): void {
    this.head(8, FrameType.GOAWAY, 0, 0);
    this.reserve(8);
    this.buffer!.writeUInt32BE(0, this.end); // the peer begins no streams
    this.buffer!.writeUInt32BE(code, this.end + 4);
    this.end += 8;
    this.sendLater();
  }

  /**
   * Writes the headers that begin a stream: the first `length` bytes of `block`. What does not fit into a frame of `maxFrame`
   * bytes follows in CONTINUATION frames. If `emptiesTable` is true, the block begins with the instruction that empties the
   * peer's dynamic table.
   */
  headers(stream: number, block: Buffer, length: number, maxFrame: number, emptiesTable: boolean): void {
    const extra = emptiesTable ? 1 : 0;
    for (let at = 0; at === 0 || at < length; ) {
      const isFirst = at === 0;
      const end = Math.min(length, at + maxFrame - extra);
      const flags = end === length ? Flag.END_HEADERS : 0;
      this.head(end - at + (isFirst ? extra : 0), isFirst ? FrameType.HEADERS : FrameType.CONTINUATION, flags, stream);
      if (isFirst && emptiesTable) this.bytes(EMPTY_TABLE);
      this.copy(block, at, end);
      at = end;
    }
    this.sendLater();
  }

  /**
   * Writes a DATA frame with the bytes of `message` from `from` to `to`. If `isBeginning` is true, the prefix of the message
   * (flag and length, 5 bytes) comes first. If `isLast` is true, the frame ends the stream.
   */
  data(stream: number, isBeginning: boolean, message: Uint8Array, from: number, to: number, isLast: boolean): void {
    const length = to - from;
    this.head(isBeginning ? PREFIX + length : length, FrameType.DATA, isLast ? Flag.END_STREAM : 0, stream);
    if (isBeginning) {
      this.reserve(PREFIX);
      this.buffer![this.end] = 0;
      this.buffer!.writeUInt32BE(message.length, this.end + 1);
      this.end += PREFIX;
    }
    if (length <= COPY_BYTES) this.copy(message, from, to);
    else {
      this.cut();
      this.parts.push(Buffer.from(message.buffer, message.byteOffset + from, length));
      this.pendingBytes += length;
    }
    this.sendLater();
  }

  /** Passes everything that waits to the socket now. */
  flush(): void {
    this.cut();
    const { parts, socket } = this;
    if (parts.length === 0 || socket.writableEnded || socket.destroyed) return;
    const used = this.full;
    if (this.buffer !== undefined) used.push(this.buffer);
    const bytes = this.pendingBytes;
    const control = this.pendingControl;
    this.writingBytes += bytes;
    this.writingControl += control;
    this.pendingBytes = 0;
    this.pendingControl = 0;
    this.parts = [];
    this.full = [];
    this.buffer = this.free.pop();
    this.start = 0;
    this.end = 0;
    const done = () => {
      this.writingBytes -= bytes;
      this.writingControl -= control;
      for (const one of used) if (this.free.length < MOST_FREE) this.free.push(one);
      this.onWritten();
    };
    if (parts.length === 1) return void socket.write(parts[0]!, done);
    socket.cork();
    for (let i = 0; i < parts.length - 1; i++) socket.write(parts[i]!);
    socket.write(parts.at(-1)!, done);
    socket.uncork();
  }

  private number(type: number, stream: number, value: number): void {
    this.head(4, type, 0, stream);
    this.reserve(4);
    this.buffer!.writeUInt32BE(value, this.end);
    this.end += 4;
    this.sendLater();
  }

  private head(length: number, type: number, flags: number, stream: number): void {
    this.reserve(FRAME_HEAD);
    const buffer = this.buffer!;
    let at = this.end;
    buffer[at++] = length >> 16;
    buffer[at++] = length >> 8;
    buffer[at++] = length;
    buffer[at++] = type;
    buffer[at++] = flags;
    buffer[at++] = stream >> 24;
    buffer[at++] = stream >> 16;
    buffer[at++] = stream >> 8;
    buffer[at++] = stream;
    this.end = at;
  }

  private bytes(bytes: Buffer): void {
    this.copy(bytes, 0, bytes.length);
  }

  private copy(bytes: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to; ) {
      this.reserve(1);
      const count = Math.min(to - at, BUFFER_BYTES - this.end);
      this.buffer!.set(count === bytes.length ? bytes : bytes.subarray(at, at + count), this.end);
      this.end += count;
      at += count;
    }
  }

  /** Ensures that the buffer has space for so many bytes, if necessary with a new buffer. */
  private reserve(bytes: number): void {
    if (this.buffer !== undefined && this.end + bytes <= BUFFER_BYTES) return;
    this.cut();
    if (this.buffer !== undefined) this.full.push(this.buffer);
    this.buffer = this.free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
    this.start = 0;
    this.end = 0;
  }

  /** Adds the bytes that were written into the buffer since the last call to the list of parts for the socket. */
  private cut(): void {
    if (this.end === this.start) return;
    this.parts.push(this.buffer!.subarray(this.start, this.end));
    this.pendingBytes += this.end - this.start;
    this.start = this.end;
  }

  private sendLater(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(this.flushLater);
  }
}

/** Returns the SETTINGS that this side sends at the start of a connection. Both limits are in bytes. */
export function prefaceSettings(streamWindow: number, maxListBytes: number) {
  return [
    [Setting.ENABLE_PUSH, 0],
    [Setting.INITIAL_WINDOW_SIZE, streamWindow],
    [Setting.MAX_HEADER_LIST_SIZE, maxListBytes],
  ] as const;
}
