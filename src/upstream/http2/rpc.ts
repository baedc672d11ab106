/** One rpc over one stream of `node:http2`. */
import { type ClientHttp2Stream, constants, type OutgoingHttpHeaders } from 'node:http2';
import { framed } from '../message-reader.js';
import { type Attempt, Rpc, type RpcSettings, type StreamEnd } from '../rpc.js';
import type { Connection } from './connection.js';
import { Http2Headers } from './headers.js';

const KEEP_OPEN = { endStream: false };

export class Http2Rpc extends Rpc {
  private readonly stream: ClientHttp2Stream;
  /** Aborts the stream while the client's messages are being sent. Undefined unless the client streams. */
  private readonly cutter: AbortController | undefined;
  /** The first error of the stream before the call ended. Undefined if it had none. */
  private lost: Error | undefined;

  constructor(
    override readonly connection: Connection,
    attempt: Attempt,
    headers: OutgoingHttpHeaders,
    settings: RpcSettings,
  ) {
    super(connection, attempt, settings);
    const { message } = attempt.request;
    this.cutter = message instanceof Uint8Array ? undefined : new AbortController();
    const stream = connection.request(
      headers,
      this.cutter === undefined ? KEEP_OPEN : { ...KEEP_OPEN, signal: this.cutter.signal },
    );
    this.stream = stream;
    stream.on('response', (found, flags) =>
      this.onHeaders(new Http2Headers(found), (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0),
    );
    stream.on('trailers', (found) => {
      this.trailers = new Http2Headers(found);
    });
    stream.on('data', (chunk: Buffer) => this.onData(chunk));
    // Node emits `close` after `error`, and the reset code then shows what is wrong.
    stream.on('error', (error) => {
      if (!this.closed) this.lost ??= error;
    });
    // The upstream has sent its whole answer, so the call ends even if some of the request is not sent yet.
    stream.on('end', () => this.trailers !== undefined && this.finish());
    stream.on('close', () => this.finish());
    this.follow();
    if (message instanceof Uint8Array) {
      const pieces = framed(message);
      if (pieces.length === 2) stream.write(pieces[0]);
      stream.end(pieces.at(-1));
    }
  }

  protected get isSent(): boolean {
    return this.stream.writableFinished;
  }

  protected pauseStream(): void {
    this.stream.pause();
  }

  protected resumeStream(): void {
    this.stream.resume();
  }

  /**
   * Cancels the stream. For a client stream, a normal close would first send the end of the request, and half of an upload
   * would look complete to the service.
   */
  protected resetStream(): void {
    const { stream } = this;
    if (!stream.closed && !stream.destroyed) {
      this.connection.noteReset();
      if (this.cutter === undefined || stream.writableEnded) stream.close(constants.NGHTTP2_CANCEL);
      else this.cutter.abort();
    }
    // The stream has no reader any more, and data that has already come would keep it open.
    stream.resume();
  }

  /**
   * Reads the data that Node still holds because the consumer is slow, and then ends the call. If the connection is lost after
   * the last byte, Node would drop this data without an error.
   */
  protected override finish(): void {
    const stream = this.stream;
    for (let rest = stream.read(); rest !== null; rest = stream.read()) this.onData(rest);
    super.finish();
  }

  protected streamEnd(): StreamEnd {
    const { rstCode } = this.stream;
    const cause = this.lost ?? `the upstream reset the stream with code ${rstCode}`;
    const isUnread =
      rstCode === constants.NGHTTP2_REFUSED_STREAM || (this.stream.id ?? 0) > this.connection.lastStreamId;
    if (isUnread) return { kind: 'refused', cause };
    const isLost = this.connection.session.destroyed || rstCode === constants.NGHTTP2_ENHANCE_YOUR_CALM;
    if (isLost) return { kind: 'lost', cause };
    return { kind: rstCode === constants.NGHTTP2_CANCEL ? 'cancelled' : 'broken', cause };
  }

  write(message: Uint8Array): Promise<void> | undefined {
    const stream = this.stream;
    const pieces = framed(message);
    if (pieces.length === 2) stream.write(pieces[0]);
    if (stream.write(pieces.at(-1))) return undefined;
    return new Promise((resolve) => void stream.once('drain', resolve));
  }

  end(): void {
    this.stream.end();
  }
}
