/**
 * One rpc over one HTTP/2 stream: raw bytes in and out, all four kinds. `response` settles as a `Call` does; a stream is
 * read as fast as its consumer asks.
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
import type { CallRequest, CallResponse } from '../../call/call.js';
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

/** What the rpcs of a transport have in common. */
export interface RpcSettings {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Runs once, when nothing of the rpc is left. */
  readonly onEnd: (rpc: Http2Rpc) => void;
  /** Sends again what a server says it did not look at, which does no harm. */
  readonly again: (attempt: Attempt) => Promise<CallResponse>;
}

/** A call on its way to a connection. */
export interface Attempt {
  readonly request: CallRequest;
  /** The largest message that is taken. */
  readonly maxResponseBytes: number;
  /** It may be sent again if it is refused unseen. */
  readonly isFirst: boolean;
}

const KEEP_OPEN = { endStream: false };

/** Makes the headers of requests. What the calls of an aggregate have in common is made once. */
export function requestHeaders(scheme: 'http' | 'https', authority: string, clock: Clock) {
  const common = new WeakMap<Metadata, OutgoingHttpHeaders>();
  /** Throws for metadata that is illegal. */
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
  /** Milliseconds since the epoch. */
  private readonly begunAt: number;
  private refused = false;
  private readonly stream: ClientHttp2Stream;
  private readonly reader: MessageReader;
  private readonly followers: Set<Follower>;
  /** Of a client stream: breaks off what is being sent. */
  private breakOff: AbortController | undefined;
  private resolve!: (response: CallResponse | Promise<CallResponse>) => void;
  private reject!: (error: unknown) => void;
  private headers: IncomingHttpHeaders | undefined;
  private trailers: IncomingHttpHeaders | undefined;
  /** Whole messages that nobody took yet, as they came; of a unary answer the one. */
  private readonly messages: FoundMessage[] = [];
  /** The consumer of a stream that waits for its next message. */
  private consumer:
    | { resolve(result: IteratorResult<Uint8Array, undefined>): void; reject(error: unknown): void }
    | undefined;
  private outgoing: Outgoing | undefined;
  private finishing = false;
  /** Nothing more comes. */
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
    // What is wrong is told by `close`, with its code.
    stream.on('error', (error) => {
      this.failure ??= this.closed ? undefined : { lost: error };
    });
    // The upstream has said all: an answer does not wait for what is still to be sent.
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
    // Nobody reads on: what has come already must not hold the stream open.
    this.stream.resume();
  }

  private get request(): CallRequest {
    return this.attempt.request;
  }

  /** A stream's messages are gone when they have been sent. */
  private get maySendAgain(): boolean {
    return this.attempt.isFirst && this.request.message instanceof Uint8Array;
  }

  private streaming(): ClientSessionRequestOptions {
    if (this.request.message instanceof Uint8Array) return KEEP_OPEN;
    this.breakOff = new AbortController();
    return { ...KEEP_OPEN, signal: this.breakOff.signal };
  }

  /** Cancels. Closing the stream would end first what it sends, and half of an upload would look whole to the service. */
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
    if (!isGrpcType(type)) return this.abort(brokenAnswer(`content-type ${JSON.stringify(type)}`));
    if (this.request.method.serverStreaming) this.answerWithStream();
  }

  /** gRPC: http-grpc-status-mapping.md; a proxy that says it is busy is one that may answer later. */
  private ofHttpStatus(status: number): StatusError {
    const cause = `HTTP status ${status}`;
    return [429, 502, 503, 504].includes(status) ? unreachable(cause) : brokenAnswer(cause);
  }

  private onData(chunk: Buffer): void {
    if (this.closed) return;
    try {
      for (const found of this.reader.push(chunk)) this.onMessage(found);
    } catch (error) {
      this.abort(error);
    }
  }

  private onMessage(found: FoundMessage): void {
    const { serverStreaming } = this.request.method;
    if (!serverStreaming && this.messages.length > 0) throw brokenAnswer('more than one message in a unary answer');
    this.messages.push(found);
    if (!serverStreaming) return;
    if (this.consumer === undefined) this.stream.pause();
    else this.give();
  }

  private async unzipped(bytes: Buffer): Promise<Uint8Array> {
    const encoding = this.headers?.['grpc-encoding'];
    if (encoding !== 'gzip') throw brokenAnswer(`a message compressed with ${JSON.stringify(encoding)}`);
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
    if (message === undefined) return this.settle(brokenAnswer('status OK without a message'));
    try {
      const bytes = message.compressed ? await this.unzipped(message.bytes) : message.bytes;
      this.resolve(unaryResponse(bytes, this.headers, this.trailers, metadataOf));
      this.settle(undefined);
    } catch (error) {
      this.settle(error);
    }
  }

  /** A connection that is lost behind the last byte takes with it what Node holds for a slow reader, and says nothing. */
  private takeRest(): void {
    const stream = this.stream;
    for (let rest = stream.read(); rest !== null; rest = stream.read()) this.onData(rest);
  }

  private ofStatus({ code, message, details }: GrpcStatus): StatusError | undefined {
    if (code !== 0) return upstreamStatus(code, message, details, readLater(this.headers, this.trailers, metadataOf));
    return this.reader.isCut ? brokenAnswer('the answer ends in the middle of a message') : undefined;
  }

  /** What a stream that ended without `grpc-status` died of. */
  private withoutStatus(rstCode: number | undefined): StatusError {
    const lost = (this.failure as { lost?: Error } | undefined)?.lost;
    this.failure = undefined;
    const cause = lost ?? `RST_STREAM ${rstCode}`;
    if (rstCode === constants.NGHTTP2_REFUSED_STREAM || (this.stream.id ?? 0) > this.connection.lastStreamId) {
      this.refused = this.headers === undefined;
      return unreachable(cause, this.refused);
    }
    if (this.connection.session.destroyed || rstCode === constants.NGHTTP2_ENHANCE_YOUR_CALM) return unreachable(cause);
    const { deadline } = this.request;
    if (rstCode === constants.NGHTTP2_CANCEL) return cancelledByUpstream(deadline, this.settings.clock.now(), cause);
    return brokenAnswer(cause);
  }

  /** Settles everything that still waits; the first reason to end is the one that counts. */
  private settle(failure: unknown): void {
    if (this.closed) return; // by its deadline, while a message was unzipped
    this.closed = true;
    this.failure = failure;
    const { deadline } = this.request;
    if (deadline !== undefined) this.settings.deadlines.delete(deadline.at, this);
    this.followers.delete(this);
    this.outgoing?.stop();
    if (failure !== undefined) this.messages.length = 0;
    if (!this.stream.writableFinished) this.reset();
    this.give();
    if (this.refused && this.maySendAgain) this.resolve(this.settings.again(this.attempt));
    else this.reject(failure); // of a call that was answered: no effect
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

  /** The next message of a stream; one at a time, as `for await` asks for them. */
  private read(): Promise<IteratorResult<Uint8Array, undefined>> {
    return new Promise((resolve, reject) => {
      this.consumer = { resolve, reject };
      this.give();
    });
  }

  /** To the consumer that waits: a message, or the end. */
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
    } else if (!this.closed) this.stream.resume();
    else {
      this.consumer = undefined;
      if (this.failure === undefined) consumer.resolve({ done: true, value: undefined });
      else consumer.reject(this.failure);
    }
  }
}
