/**
 * Reads the messages of a WebSocket's client, at the pace of their consumer: nothing more is read while a message waits. An
 * empty text frame means that no more will come (docs/streams.md).
 */
import type { WebSocket } from 'ws';
import { gatewayError, type StatusError } from '../../status/status-error.js';
import { bodyTooLarge } from '../../transcoding/body-size.js';

export interface FrameSettings {
  /** The most messages that the method takes. */
  readonly most: number;
  /** The most bytes of all messages together; undefined when there is no bound. */
  readonly maxBytes: number | undefined;
  /** True if messages are raw bytes, in frames of either kind; otherwise they must be text frames. */
  readonly isRaw: boolean;
  /** Called for each frame with its size in bytes. A frame shows that the client is still there. */
  readonly onFrame: (bytes: number) => void;
  /** Called for a frame that is refused. */
  readonly onWrong: (error: StatusError) => void;
}

export class Frames implements AsyncIterableIterator<Buffer> {
  private readonly waiting: Buffer[] = [];
  private taker: ((result: IteratorResult<Buffer>) => void) | undefined;
  private count = 0;
  private bytes = 0;
  private ended = false;

  constructor(
    private readonly socket: WebSocket,
    private readonly settings: FrameSettings,
  ) {
    socket.on('message', (data, isBinary) => this.onMessage(data as Buffer, isBinary));
    socket.resume();
  }

  /** True while nothing is read, because a message waits for the consumer. */
  get isPaused(): boolean {
    return this.socket.isPaused;
  }

  /**
   * Returns the next message. Never settles if the client has closed the connection: the consumer must watch for that itself.
   */
  next(): Promise<IteratorResult<Buffer>> {
    const first = this.waiting.shift();
    if (this.waiting.length === 0) this.socket.resume();
    if (first !== undefined) return Promise.resolve({ done: false, value: first });
    if (this.ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => {
      this.taker = resolve;
    });
  }

  /** Ends the messages: frames that still come are dropped. */
  return(): Promise<IteratorResult<Buffer>> {
    this.ended = true;
    this.waiting.length = 0;
    this.socket.removeAllListeners('message');
    this.socket.resume();
    const done = { done: true as const, value: undefined };
    this.taker?.(done);
    return Promise.resolve(done);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private onMessage(data: Buffer, isBinary: boolean): void {
    const { most, maxBytes, isRaw, onFrame, onWrong } = this.settings;
    onFrame(data.length);
    this.bytes += data.length;
    if (!isBinary && data.length === 0) {
      this.ended = true;
      this.give({ done: true, value: undefined });
    } else if (isBinary && !isRaw) {
      onWrong(gatewayError('BINARY_FRAME', 'expected a text frame, got a binary one'));
    } else if (this.ended || this.count === most) {
      onWrong(gatewayError('UNEXPECTED_MESSAGE', 'expected no further message, got one'));
    } else if (maxBytes !== undefined && this.bytes > maxBytes) {
      onWrong(bodyTooLarge(maxBytes));
    } else {
      this.count++;
      if (this.taker !== undefined) return this.give({ done: false, value: data });
      this.waiting.push(data);
      this.socket.pause();
    }
  }

  private give(result: IteratorResult<Buffer>): void {
    const taker = this.taker;
    this.taker = undefined;
    taker?.(result);
  }
}
