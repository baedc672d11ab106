/**
 * What a WebSocket's client says, one message after the other, at the pace of who takes them: while one waits nothing more
 * is read. An empty text frame says that no more will come (rule 22).
 */
import type { WebSocket } from 'ws';
import { gatewayError, type StatusError } from '../../status/status-error.js';
import { bodyTooLarge } from '../../transcoding/body-size.js';

export interface FrameSettings {
  /** How many messages make sense here. */
  readonly most: number;
  /** Bytes of all messages; undefined: there is no end to them. */
  readonly maxBytes: number | undefined;
  /** Bytes as they are, in frames of either kind; otherwise text. */
  readonly isRaw: boolean;
  /** A frame of so many bytes came: the client lives. */
  readonly onFrame: (bytes: number) => void;
  /** What came makes no sense. */
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

  /** Nothing is read until somebody takes what is there. */
  get isPaused(): boolean {
    return this.socket.isPaused;
  }

  /** The next one. Never settles for a client that is gone: whoever waits for more than that knows. */
  next(): Promise<IteratorResult<Buffer>> {
    const first = this.waiting.shift();
    if (this.waiting.length === 0) this.socket.resume();
    if (first !== undefined) return Promise.resolve({ done: false, value: first });
    if (this.ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => {
      this.taker = resolve;
    });
  }

  /** Nobody takes more: what still comes is dropped. */
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
      onWrong(gatewayError(400, 'BINARY_FRAME', 'expected text frames, got a binary one'));
    } else if (this.ended || this.count === most) {
      onWrong(gatewayError(400, 'UNEXPECTED_MESSAGE', 'expected no more messages, got one'));
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
