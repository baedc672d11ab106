/**
 * Sends the messages of all streams of a connection as fast as the upstream takes them. It obeys the flow control of
 * the connection and of each stream (RFC 9113 §6.9), and gives the socket no more than it takes. Each stream sends one
 * frame in turn.
 */
import { PREFIX } from '../message-reader.js';
import type { FrameWriter } from './frame-writer.js';
import { ConnectionError, DEFAULT_WINDOW, ErrorCode, LARGEST_WINDOW, SMALLEST_FRAME_LIMIT } from './frames.js';

/** The bytes in the socket from which on nothing more is written, so that messages of other calls do not wait for long. */
const MOST_BACKLOG = 256 * 1024;

/** The state of a stream that sends. */
export class SendingStream {
  /** True if no byte of the message was sent, not even its prefix. */
  isBeginning = false;
  message: Uint8Array = NOTHING;
  /** The number of bytes of the message that were sent. */
  at = 0;
  /** True when no message follows. */
  isEnding = false;
  /** True when everything was sent, with the end of the stream. */
  isSent = false;
  /** The bytes that the upstream has added to its initial window, less those that were sent. */
  balance = 0;
  /** Called once, when the whole message was handed over. */
  onRoom: (() => void) | undefined;

  constructor(readonly id: number) {}

  /** True if a message or the end of the stream waits. */
  get waits(): boolean {
    return this.isBeginning || this.at < this.message.length || (this.isEnding && !this.isSent);
  }
}

const NOTHING = new Uint8Array(0);

export class Sender {
  maxFrame = SMALLEST_FRAME_LIMIT;
  private window = DEFAULT_WINDOW;
  private initialWindow = DEFAULT_WINDOW;
  /** The streams that have something to send, in turn. */
  private readonly turns = new Set<SendingStream>();
  /** The streams that have something to send and no window. */
  private readonly blocked = new Set<SendingStream>();

  constructor(private readonly writer: FrameWriter) {}

  /** Sends a message. `isLast`: the end of the stream follows it. The stream must not wait for another one. */
  send(stream: SendingStream, message: Uint8Array, isLast: boolean): void {
    stream.isBeginning = true;
    stream.message = message;
    stream.at = 0;
    stream.isEnding = isLast;
    this.next(stream);
  }

  /** Ends a stream behind its last message. */
  end(stream: SendingStream): void {
    stream.isEnding = true;
    if (!this.blocked.has(stream)) this.next(stream);
  }

  /** Removes a stream that has ended. */
  remove(stream: SendingStream): void {
    this.turns.delete(stream);
    this.blocked.delete(stream);
    stream.message = NOTHING;
    stream.onRoom = undefined;
  }

  /** Called when the upstream takes more bytes on all streams together. */
  widen(increment: number): void {
    this.window += increment;
    if (this.window > LARGEST_WINDOW)
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, `a window of ${this.window} bytes`);
    this.pump();
  }

  /** Called when the upstream takes more bytes on one stream. Returns false if this breaks a rule of HTTP/2. */
  widenStream(stream: SendingStream, increment: number): boolean {
    stream.balance += increment;
    if (stream.balance + this.initialWindow > LARGEST_WINDOW) return false;
    if (this.blocked.delete(stream)) {
      this.turns.add(stream);
      this.pump();
    }
    return true;
  }

  /** Called when the upstream takes another number of bytes on each stream (SETTINGS_INITIAL_WINDOW_SIZE). */
  setInitialWindow(bytes: number): void {
    this.initialWindow = bytes;
    for (const stream of this.blocked) this.turns.add(stream);
    this.blocked.clear();
    this.pump();
  }

  /** Sends what may be sent now. */
  pump(): void {
    // A stream that sends a frame and has more goes to the end, where this loop finds it again.
    for (const stream of this.turns) {
      if (this.writer.backlog >= MOST_BACKLOG) return;
      const bytes = this.allowed(stream);
      if (bytes === NO_WINDOW) continue;
      this.turns.delete(stream);
      if (bytes === NO_STREAM_WINDOW) this.blocked.add(stream);
      else this.sendFrame(stream, bytes);
      if (bytes >= 0 && stream.waits) this.turns.add(stream);
    }
  }

  /** Sends the next frame of a stream that has new bytes, if no other stream waits. */
  private next(stream: SendingStream): void {
    if (this.turns.size === 0 && this.writer.backlog < MOST_BACKLOG) {
      const bytes = this.allowed(stream);
      if (bytes >= 0) this.sendFrame(stream, bytes);
      if (!stream.waits) return;
    }
    this.turns.add(stream);
    this.pump();
  }

  /** Returns how many bytes the next frame may have, or why there may be none. A prefix is never cut. */
  private allowed({ isBeginning, message, at, balance }: SendingStream): number {
    const prefix = isBeginning ? PREFIX : 0;
    const left = prefix + message.length - at;
    if (left === 0) return 0; // an empty frame with the end of the stream, which needs no window
    const least = Math.max(1, prefix);
    if (this.initialWindow + balance < least) return NO_STREAM_WINDOW;
    if (this.window < least) return NO_WINDOW;
    return Math.min(left, this.maxFrame, this.window, this.initialWindow + balance);
  }

  private sendFrame(stream: SendingStream, bytes: number): void {
    const { isBeginning, message, at } = stream;
    const to = at + bytes - (isBeginning ? PREFIX : 0);
    const isWhole = to === message.length;
    const isLast = stream.isEnding && isWhole;
    this.writer.data(stream.id, isBeginning, message, at, to, isLast);
    this.window -= bytes;
    stream.balance -= bytes;
    stream.isBeginning = false;
    stream.at = to;
    if (!isWhole) return;
    stream.isSent = isLast;
    stream.message = NOTHING;
    stream.at = 0;
    const { onRoom } = stream;
    stream.onRoom = undefined;
    onRoom?.();
  }
}

/** The reason why a stream may send nothing: its own window is used up (first value), or the window of the connection (second value). */
const NO_STREAM_WINDOW = -1;
const NO_WINDOW = -2;
