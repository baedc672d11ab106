/**
 * Sends the messages of all streams of a connection as fast as the upstream takes them. It obeys the flow control of the
 * connection and of each stream (RFC 9113 §6.9), and stops while too many bytes wait in the socket. The streams take turns, one
 * frame each.
 */
import { PREFIX } from '../message-reader.js';
import type { FrameWriter } from './frame-writer.js';
import { ConnectionError, DEFAULT_WINDOW, ErrorCode, LARGEST_WINDOW, SMALLEST_FRAME_LIMIT } from './frames.js';

/**
 * When so many bytes wait in the socket, no more frames are written, so that the messages of other calls need not wait for
 * long.
 */
const MOST_BACKLOG = 256 * 1024;

/** The data that waits to be sent on one stream: at most one message, and the end of the stream. */
export class SendingStream {
  /** True if no byte of the message was sent, not even its prefix (flag and length, 5 bytes). */
  isBeginning = false;
  message: Uint8Array = NOTHING;
  /** The number of bytes of the message that were sent, without the prefix. */
  at = 0;
  /** True when no other message follows this one. */
  isEnding = false;
  /** True when everything was sent, including the end of the stream. */
  isSent = false;
  /**
   * The bytes that the upstream has allowed by WINDOW_UPDATE, minus those that were sent. With the initial window it is the
   * number of bytes that may be sent now.
   */
  balance = 0;
  /** Called once, when the whole message was passed to the writer, so that the stream can take another one. */
  onRoom: (() => void) | undefined;

  constructor(readonly id: number) {}

  /** True if a message or the end of the stream is still to be sent. */
  get waits(): boolean {
    return this.isBeginning || this.at < this.message.length || (this.isEnding && !this.isSent);
  }
}

const NOTHING = new Uint8Array(0);

export class Sender {
  maxFrame = SMALLEST_FRAME_LIMIT;
  private window = DEFAULT_WINDOW;
  private initialWindow = DEFAULT_WINDOW;
  /** The streams that have something to send, in the order in which they may send a frame. */
  private readonly turns = new Set<SendingStream>();
  /** The streams that have something to send, but whose flow control window is used up. */
  private readonly blocked = new Set<SendingStream>();

  constructor(private readonly writer: FrameWriter) {}

  /**
   * Sends a message, and then the end of the stream if `isLast` is true. An earlier message of the stream must have been sent
   * completely.
   */
  send(stream: SendingStream, message: Uint8Array, isLast: boolean): void {
    stream.isBeginning = true;
    stream.message = message;
    stream.at = 0;
    stream.isEnding = isLast;
    this.next(stream);
  }

  /** Ends a stream after the message that is being sent. */
  end(stream: SendingStream): void {
    stream.isEnding = true;
    if (!this.blocked.has(stream)) this.next(stream);
  }

  /** Removes a stream that has ended. What it still had to send is dropped. */
  remove(stream: SendingStream): void {
    this.turns.delete(stream);
    this.blocked.delete(stream);
    stream.message = NOTHING;
    stream.onRoom = undefined;
  }

  /** Called for a WINDOW_UPDATE of the connection. Throws a ConnectionError if the window becomes larger than HTTP/2 allows. */
  widen(increment: number): void {
    this.window += increment;
    if (this.window > LARGEST_WINDOW)
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, `a window of ${this.window} bytes`);
    this.pump();
  }

  /** Called for a WINDOW_UPDATE of a stream. Returns false if the window becomes larger than HTTP/2 allows. */
  widenStream(stream: SendingStream, increment: number): boolean {
    stream.balance += increment;
    if (stream.balance + this.initialWindow > LARGEST_WINDOW) return false;
    if (this.blocked.delete(stream)) {
      this.turns.add(stream);
      this.pump();
    }
    return true;
  }

  /** Called when the upstream sets the initial window of all streams (SETTINGS_INITIAL_WINDOW_SIZE), in bytes. */
  setInitialWindow(bytes: number): void {
    this.initialWindow = bytes;
    for (const stream of this.blocked) this.turns.add(stream);
    this.blocked.clear();
    this.pump();
  }

  /** Sends frames until nothing is left, the windows are used up, or too many bytes wait in the socket. */
  pump(): void {
    // A stream that has sent a frame and has more to send is added at the end of the set, so this loop comes to it again.
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

  /** Sends the next frame of a stream at once if no other stream is waiting for its turn. What is left waits for its turn. */
  private next(stream: SendingStream): void {
    if (this.turns.size === 0 && this.writer.backlog < MOST_BACKLOG) {
      const bytes = this.allowed(stream);
      if (bytes >= 0) this.sendFrame(stream, bytes);
      if (!stream.waits) return;
    }
    this.turns.add(stream);
    this.pump();
  }

  /**
   * Returns how many bytes the next frame of the stream may have, with the prefix of the message; NO_STREAM_WINDOW or NO_WINDOW
   * if it may have none. The prefix is always in one frame.
   */
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

/** Means that the flow control window of the stream is used up. */
const NO_STREAM_WINDOW = -1;
/** Means that the flow control window of the connection is used up. */
const NO_WINDOW = -2;
