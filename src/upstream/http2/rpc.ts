/**
 * One rpc of any of the four kinds over one HTTP/2 stream; its messages are raw bytes. `response` settles as the type
 * `Call` describes. A stream is read as fast as its consumer asks for messages.
 */
import {
  type ClientHttp2Stream,
  type ClientSessionRequestOptions,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Clock } from '../../base/clock.js';
import type { CallRequest, CallResponse, Room } from '../../call/call.js';
import type { Metadata } from '../../call/metadata.js';
import type { StatusError } from '../../status/status-error.js';
import type { Deadlines } from '../deadlines.js';
import {
  answerTooLarge,
  brokenAnswer,
  cancelled,
  cancelledByUpstream,
  DeadlineExceeded,
  unreachable,
  upstreamStatus,
} from '../failure.js';
import { type MessageSink, Outgoing } from '../outgoing.js';
import { isGrpcType } from '../protocol.js';
import { readLater, streamedResponse, unaryResponse } from '../responses.js';
import { isTelling } from '../silence.js';
import type { Connection } from './connection.js';
import { type Follower, followersOf } from './followers.js';
import { addMetadata, type GrpcStatus, grpcTimeout, metadataOf, statusOf } from './headers.js';
import { type FoundMessage, framed, MessageReader } from './message-reader.js';

const unzip = promisify(gunzip);

/** The settings that all rpcs of a transport share. */
export interface RpcSettings {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Called once, when nothing of the rpc is left. */
  readonly onEnd: (rpc: Http2Rpc) => void;
  /** Sends a call again that the server refused unread, which is always safe. */
  readonly again: (attempt: Attempt) => Promise<CallResponse>;
}

/** A call that needs a connection. */
export interface Attempt {
  readonly request: CallRequest;
  /** The most bytes of a message from the upstream. */
  readonly maxResponseBytes: number;
  /** True if the call may be sent again when the server refuses it unread. */
  readonly isFirst: boolean;
}

const KEEP_OPEN = { endStream: false };

/** Compiles the function that makes the headers of a request. Headers that the calls of an aggregate share are made once. */
export function requestHeaders(scheme: 'http' | 'https', authority: string, clock: Clock) {
  const common = new WeakMap<Metadata, OutgoingHttpHeaders>();
  /** Throws a TypeError for illegal metadata. */
  return function headersOf({ method, metadata, deadline }: CallRequest): OutgoingHttpHeaders {
    let shared = common.get(metadata);
    if (shared === undefined) {
      shared = {
        ':method': 'POST',
        ':scheme': scheme,
        ':authority': authority,
        te: 'trailers',
        'content-type': 'application/grpc',
        'user-agent': 'protogate',
        'grpc-accept-encoding': 'identity, gzip',
      };
      addMetadata(shared, metadata);
      common.set(metadata, shared);
    }
    const headers: OutgoingHttpHeaders = { ...shared, ':path': method.path };
    if (deadline !== undefined) headers['grpc-timeout'] = grpcTimeout(deadline.at - clock.now());
    return headers;
  };
}

export class Http2Rpc implements MessageSink {
  readonly response: Promise<CallResponse>;
  private readonly heardBefore: number;
  /** When the call began, in milliseconds since the epoch. */
  private readonly begunAt: number;
  private refused = false;
  private readonly stream: ClientHttp2Stream;
  private readonly reader: MessageReader;
  private readonly followers: Set<Follower>;
  /** Aborted to break off the messages that are being sent; undefined unless the client streams. */
  private breakOff: AbortController | undefined;
  private resolve!: (response: CallResponse | Promise<CallResponse>) => void;
  private reject!: (error: unknown) => void;
  private headers: IncomingHttpHeaders | undefined;
  private trailers: IncomingHttpHeaders | undefined;
  /** Whole messages that the consumer has not taken yet, in their order. For a unary answer it is the one message. */
  private readonly messages: FoundMessage[] = [];
  /** The consumer of a stream while it waits for the next message. */
  private consumer:
    | { resolve(result: IteratorResult<Uint8Array, undefined>): void; reject(error: unknown): void }
    | undefined;
  private outgoing: Outgoing | undefined;
  private finishing = false;
  /** True if this call has asked for the room of the next message. */
  private hasAsked = false;
  /** Ends the wait for room. Undefined while nothing waits. */
  private stopAsking: (() => void) | undefined;
  /** True when the call has ended and nothing more is expected. */
  private closed = false;
  private failure: unknown;

  constructor(
    readonly connection: Connection,
    private readonly attempt: Attempt,
    headers: OutgoingHttpHeaders,
    private readonly settings: RpcSettings,
  ) {
    const { deadline, signal, message } = attempt.request;
    this.response = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.reader = new MessageReader(attempt.maxResponseBytes);
    this.heardBefore = connection.bytesRead;
    this.begunAt = settings.clock.now();
    const stream = connection.request(headers, this.streaming());
    this.stream = stream;
    stream.on('response', (found, flags) => this.onHeaders(found, (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0));
    stream.on('trailers', (found) => {
      this.trailers = found;
    });
    stream.on('data', (chunk: Buffer) => this.onData(chunk));
    // The `close` event follows, and its code shows what is wrong.
    stream.on('error', (error) => {
      this.failure ??= this.closed ? undefined : { lost: error };
    });
    // The upstream has sent its whole answer, so the call ends even if some of the request is not sent yet.
    stream.on('end', () => this.trailers !== undefined && void this.finish());
    stream.on('close', () => void this.finish());
    this.followers = followersOf(signal).add(this);
    if (deadline !== undefined) settings.deadlines.add(deadline.at, this);
    if (message instanceof Uint8Array) {
      const pieces = framed(message);
      if (pieces.length === 2) stream.write(pieces[0]);
      stream.end(pieces.at(-1));
    } else this.outgoing = new Outgoing(message, this);
  }

  /** Ends the call now with `error`, here and at the upstream. Does nothing to a call that has ended. */
  abort(error: unknown): void {
    if (this.closed) return;
    this.settle(error);
    this.reset();
    // Nobody reads the stream any more, and data that has already come must not keep it open.
    this.stream.resume();
  }

  private get request(): CallRequest {
    return this.attempt.request;
  }

  /** True if a refused call may be sent again. The messages of a client stream are not kept, so they cannot be sent twice. */
  private get maySendAgain(): boolean {
    return this.attempt.isFirst && this.request.message instanceof Uint8Array;
  }

  private streaming(): ClientSessionRequestOptions {
    if (this.request.message instanceof Uint8Array) return KEEP_OPEN;
    this.breakOff = new AbortController();
    return { ...KEEP_OPEN, signal: this.breakOff.signal };
  }

  /**
   * Cancels the stream. A normal close would first end the request, and half of an upload would look complete to the
   * service.
   */
  private reset(): void {
    if (this.stream.closed || this.stream.destroyed) return;
    this.connection.noteReset();
    if (this.breakOff === undefined || this.stream.writableEnded) this.stream.close(constants.NGHTTP2_CANCEL);
    else this.breakOff.abort();
  }

  expire(): void {
    const deadline = this.request.deadline!;
    this.abort(new DeadlineExceeded(deadline.owner));
    if (this.connection.bytesRead === this.heardBefore && isTelling(deadline, this.begunAt)) this.connection.suspect();
  }

  private onHeaders(headers: IncomingHttpHeaders, isLast: boolean): void {
    this.headers = headers;
    const status = headers[':status'] as number | undefined;
    if (isLast && statusOf(headers) !== undefined) {
      this.trailers = headers;
      return;
    }
    if (status !== 200) return this.abort(this.ofHttpStatus(Number(status)));
    const type = headers['content-type'];
    if (!isGrpcType(type))
      return this.abort(brokenAnswer(`expected content-type application/grpc, got ${JSON.stringify(type)}`));
    if (this.request.method.serverStreaming) this.answerWithStream();
  }

  /**
   * Translates an HTTP status as gRPC does (http-grpc-status-mapping.md). A proxy that reports that it is busy may answer
   * later.
   */
  private ofHttpStatus(status: number): StatusError {
    const cause = `expected HTTP status 200, got ${status}`;
    return [429, 502, 503, 504].includes(status) ? unreachable(cause) : brokenAnswer(cause);
  }

  private onData(chunk: Buffer): void {
    if (this.closed) return;
    try {
      const found = this.reader.push(chunk);
      if (this.request.context.room !== undefined) this.keepRoom(this.request.context.room, found);
      for (const one of found) this.onMessage(one);
    } catch (error) {
      this.abort(error);
    }
  }

  /** Asks once for the room of each message. Until the answer comes, the upstream can send no more than its window. */
  private keepRoom(room: Room, found: readonly FoundMessage[]): void {
    for (const { bytes } of found) {
      if (this.hasAsked) this.hasAsked = false;
      else room.hold(bytes.length);
    }
    const { coming } = this.reader;
    if (coming === 0 || this.hasAsked) return;
    this.hasAsked = true;
    this.stopAsking = room.ask(coming, () => {
      this.stopAsking = undefined;
      this.stream.resume();
    });
    if (this.stopAsking !== undefined) this.stream.pause();
  }

  private onMessage(found: FoundMessage): void {
    const { serverStreaming } = this.request.method;
    if (!serverStreaming && this.messages.length > 0)
      throw brokenAnswer('expected one message in a unary answer, got more');
    this.messages.push(found);
    if (!serverStreaming) return;
    if (this.consumer === undefined) this.stream.pause();
    else this.give();
  }

  private async unzipped(bytes: Buffer): Promise<Uint8Array> {
    const encoding = this.headers?.['grpc-encoding'];
    if (encoding !== 'gzip')
      throw brokenAnswer(`expected a message compressed with gzip or not at all, got ${JSON.stringify(encoding)}`);
    const { maxResponseBytes } = this.attempt;
    try {
      return await unzip(bytes, { maxOutputLength: maxResponseBytes });
    } catch (error) {
      const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
      throw isTooLarge ? answerTooLarge(maxResponseBytes, error) : brokenAnswer(error);
    }
  }

  private async finish(): Promise<void> {
    if (this.closed || this.finishing) return;
    this.finishing = true;
    this.outgoing?.stop();
    this.takeRest();
    const { rstCode } = this.stream;
    const status = this.trailers === undefined ? undefined : statusOf(this.trailers);
    const failure = status === undefined ? this.withoutStatus(rstCode) : this.ofStatus(status);
    if (failure !== undefined) return this.settle(failure);
    if (this.request.method.serverStreaming) {
      this.answerWithStream();
      return this.settle(undefined);
    }
    const [message] = this.messages;
    if (message === undefined) return this.settle(brokenAnswer('expected a message with the status OK, got none'));
    try {
      const bytes = message.compressed ? await this.unzipped(message.bytes) : message.bytes;
      this.resolve(unaryResponse(bytes, this.headers, this.trailers, metadataOf));
      this.settle(undefined);
    } catch (error) {
      this.settle(error);
    }
  }

  /**
   * Reads the data that Node still holds for a slow consumer: if the connection is lost after the last byte, Node drops
   * that data silently.
   */
  private takeRest(): void {
    const stream = this.stream;
    for (let rest = stream.read(); rest !== null; rest = stream.read()) this.onData(rest);
  }

  private ofStatus({ code, message, details }: GrpcStatus): StatusError | undefined {
    if (code !== 0) return upstreamStatus(code, message, details, readLater(this.headers, this.trailers, metadataOf));
    return this.reader.isCut ? brokenAnswer('the answer ends in the middle of a message') : undefined;
  }

  /** Returns the error for a stream that ended without `grpc-status`. */
  private withoutStatus(rstCode: number | undefined): StatusError {
    const lost = (this.failure as { lost?: Error } | undefined)?.lost;
    this.failure = undefined;
    const cause = lost ?? `the upstream reset the stream with code ${rstCode}`;
    if (rstCode === constants.NGHTTP2_REFUSED_STREAM || (this.stream.id ?? 0) > this.connection.lastStreamId) {
      this.refused = this.headers === undefined;
      return unreachable(cause, this.refused);
    }
    if (this.connection.session.destroyed || rstCode === constants.NGHTTP2_ENHANCE_YOUR_CALM) return unreachable(cause);
    const { deadline } = this.request;
    if (rstCode === constants.NGHTTP2_CANCEL) return cancelledByUpstream(deadline, this.settings.clock.now(), cause);
    return brokenAnswer(cause);
  }

  /** Settles everything that still waits. Only the first call has an effect. */
  private settle(failure: unknown): void {
    if (this.closed) return; // its deadline passed while a message was being decompressed
    this.closed = true;
    this.failure = failure;
    const { deadline } = this.request;
    if (deadline !== undefined) this.settings.deadlines.delete(deadline.at, this);
    this.followers.delete(this);
    this.outgoing?.stop();
    this.stopAsking?.();
    if (failure !== undefined) this.messages.length = 0;
    if (!this.stream.writableFinished) this.reset();
    this.give();
    if (this.refused && this.maySendAgain) this.resolve(this.settings.again(this.attempt));
    else this.reject(failure); // no effect if the call was answered
    this.settings.onEnd(this);
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

  private answerWithStream(): void {
    const cancel = () => this.abort(cancelled());
    this.resolve(streamedResponse(metadataOf(this.headers), () => this.read(), cancel));
  }

  /** Returns the next message of a stream. It is called again only after the result, as `for await` does. */
  private read(): Promise<IteratorResult<Uint8Array, undefined>> {
    return new Promise((resolve, reject) => {
      this.consumer = { resolve, reject };
      this.give();
    });
  }

  /** Gives the waiting consumer a message, or the end of the stream. */
  private give(): void {
    const consumer = this.consumer;
    if (consumer === undefined) return;
    const message = this.messages.shift();
    if (message !== undefined) {
      this.consumer = undefined;
      if (!message.compressed) consumer.resolve({ done: false, value: message.bytes });
      else {
        this.unzipped(message.bytes).then(
          (value) => consumer.resolve({ done: false, value }),
          (error: unknown) => {
            this.abort(error);
            consumer.reject(error);
          },
        );
      }
    } else if (!this.closed) {
      if (this.stopAsking === undefined) this.stream.resume();
    } else {
      this.consumer = undefined;
      if (this.failure === undefined) consumer.resolve({ done: true, value: undefined });
      else consumer.reject(this.failure);
    }
  }
}
