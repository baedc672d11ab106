/** One rpc over one stream of a lean connection. */
import { STREAM_WINDOW } from '../connection-limits.js';
import { brokenAnswer } from '../failure.js';
import { type Attempt, Rpc, type RpcSettings, type StreamEnd } from '../rpc.js';
import type { Connection } from './connection.js';
import { ConnectionError, ErrorCode, LARGEST_WINDOW } from './frames.js';
import type { DecodedHeaders } from './hpack-decoder.js';
import type { RequestBlock } from './request-block.js';
import type { SendingStream } from './sender.js';
import type { Stream } from './stream.js';

/** Returns a copy from `start` on. It is needed because the memory of a piece is used again for the next bytes. */
function copyOf(piece: Buffer, start: number): Buffer {
  const copy = Buffer.allocUnsafe(piece.length - start);
  piece.copy(copy, 0, start);
  return copy;
}

export class LeanRpc extends Rpc implements Stream {
  readonly sending: SendingStream;
  /** The number of bytes that the upstream may still send. */
  private window = STREAM_WINDOW;
  /** True when the upstream has ended its side of the stream, or one side has reset the stream. */
  private isOver = false;
  /** The way in which the upstream, or the loss of the connection, ended the stream. */
  private ended: StreamEnd = { kind: 'broken', cause: 'the stream ended without a status' };

  constructor(
    override readonly connection: Connection,
    attempt: Attempt,
    block: RequestBlock,
    settings: RpcSettings,
  ) {
    super(connection, attempt, settings, copyOf);
    this.sending = connection.begin(this, block);
    this.follow();
    const { message } = attempt.request;
    if (message instanceof Uint8Array) connection.sender.send(this.sending, message, true);
  }

  get hasHeaders(): boolean {
    return this.headers !== undefined;
  }

  receiveHeaders(list: DecodedHeaders, isLast: boolean): void {
    if (list === undefined) return this.malformed('headers that are larger than the limit');
    const areTrailers = this.headers !== undefined;
    const headers = this.connection.headersOf(list, areTrailers);
    if (headers.fault !== undefined) return this.malformed(headers.fault);
    if (areTrailers) {
      if (!isLast) return this.malformed('trailers without the end of the stream');
      this.trailers = headers;
    } else if (list[1]!.charCodeAt(0) === ONE) {
      if (isLast) return this.malformed('the end of the stream in interim headers');
      return;
    } else this.onHeaders(headers, isLast);
    if (isLast) this.receiveEnd();
  }

  receiveData(length: number): void {
    this.window -= length;
    if (this.window < 0)
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'more DATA than the stream has window');
  }

  receivePiece(piece: Buffer): void {
    this.onData(piece);
  }

  receiveEnd(): void {
    if (this.isOver) return;
    this.isOver = true;
    if (this.sending.isSent) this.connection.forget(this);
    this.finish();
  }

  lose(end: StreamEnd): void {
    if (this.isOver) return;
    this.isOver = true;
    this.sending.isSent = true;
    this.ended = end;
    this.connection.forget(this);
    this.finish();
  }

  /**
   * Enlarges the window of the stream by what the consumer has taken, and so far that a message which has begun can come
   * whole. Does nothing while such a message waits for room in the client's connection.
   */
  grant(): void {
    if (this.isOver || this.closed || this.stopAsking !== undefined) return;
    const { missing, held } = this.reader;
    const most = Math.min(LARGEST_WINDOW, STREAM_WINDOW - held + missing);
    const more = most - this.window;
    if (more < STREAM_WINDOW / 2 && (more <= 0 || missing <= this.window)) return;
    this.window += more;
    this.connection.writer.windowUpdate(this.sending.id, more);
  }

  write(message: Uint8Array): Promise<void> | undefined {
    const { sending } = this;
    this.connection.sender.send(sending, message, false);
    if (!sending.waits) return undefined;
    return new Promise((resolve) => {
      sending.onRoom = resolve;
    });
  }

  end(): void {
    this.connection.sender.end(this.sending);
  }

  protected get isSent(): boolean {
    return this.sending.isSent;
  }

  /**
   * Does nothing: `grant` subtracts the bytes that the consumer has not taken, so the upstream cannot send more than a window.
   */
  protected pauseStream(): void {}

  protected resumeStream(): void {
    this.grant();
  }

  protected override taken(): void {
    this.grant();
  }

  protected resetStream(): void {
    this.resetWith(ErrorCode.CANCEL);
  }

  protected streamEnd(): StreamEnd {
    return this.ended;
  }

  private malformed(what: string): void {
    this.resetWith(ErrorCode.PROTOCOL_ERROR);
    this.abort(brokenAnswer(`expected headers as HTTP/2 has them, got ${what}`));
  }

  private resetWith(code: number): void {
    if (this.isOver && this.sending.isSent) return;
    this.isOver = true;
    this.sending.isSent = true;
    this.connection.reset(this, code);
  }
}

const ONE = 0x31;
