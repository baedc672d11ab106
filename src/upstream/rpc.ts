/**
 * One rpc of any of the four kinds, with encoded messages. This class does what all rpcs over HTTP/2 have in common, whichever
 * library reads the frames: it decides what headers, messages and the end of a stream mean for the call. `response` resolves
 * and rejects as the type `Call` describes. A stream is read as fast as its consumer asks for messages.
 */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Clock } from '../base/clock.js';
import type { CallRequest, CallResponse, Room } from '../call/call.js';
import { type Metadata, NO_METADATA } from '../call/metadata.js';
import { Code } from '../status/code.js';
import type { StatusError } from '../status/status-error.js';
import type { Deadlines, Expiring } from './deadlines.js';
import {
  answerTooLarge,
  brokenAnswer,
  cancelled,
  cancelledByUpstream,
  DeadlineExceeded,
  isOver,
  maySayLate,
  unreachable,
  upstreamStatus,
} from './failure.js';
import { type Follower, type Followers, followersOf } from './followers.js';
import { type FoundMessage, type Keep, MessageReader } from './message-reader.js';
import { type MessageSink, Outgoing } from './outgoing.js';
import { isGrpcType, statusCode, statusMessage } from './protocol.js';
import { readLater, streamedResponse, unaryResponse } from './responses.js';
import { isTelling } from './silence.js';

const unzip = promisify(gunzip);
const CUT = 'the answer ends in the middle of a message';

/** The settings that all rpcs of a transport share. */
export interface RpcSettings {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Called once, when the call has ended and everything of it is released. */
  readonly onEnd: (rpc: Rpc) => void;
  /** Sends a call again that the server has refused without processing it, which is always safe. */
  readonly again: (attempt: Attempt) => Promise<CallResponse>;
}

/** One attempt to send a call on a connection. */
export interface Attempt {
  readonly request: CallRequest;
  /** The most bytes that a message from the upstream may have. */
  readonly maxResponseBytes: number;
  /** True if the call may be sent once more when the server refuses it without processing it. */
  readonly isFirst: boolean;
}

/** The part of a connection that each of its rpcs uses. */
export interface RpcConnection {
  /** The number of bytes that have come on the connection so far. */
  readonly bytesRead: number;
  /** Reports that a call received nothing until its deadline, so that the connection may be dead. */
  suspect(): void;
  /** Must be called once when a call has ended. */
  release(): void;
}

/** The headers or the trailers of an answer. */
export interface ReceivedHeaders {
  /** Returns the last value of a header; undefined when there is none. */
  get(name: string): string | undefined;
  metadata(): Metadata;
}

const metadataOf = (received: ReceivedHeaders | undefined) => received?.metadata() ?? NO_METADATA;

/** The way in which the upstream ended a stream without a gRPC status. */
export type StreamEnd =
  /** The server has not processed the call, so it may be sent again. */
  | { readonly kind: 'refused'; readonly cause: unknown }
  /** The connection was lost, or the upstream asks for fewer calls (ENHANCE_YOUR_CALM). */
  | { readonly kind: 'lost'; readonly cause: unknown }
  | { readonly kind: 'cancelled'; readonly cause: unknown }
  | { readonly kind: 'broken'; readonly cause: unknown };

export abstract class Rpc implements MessageSink, Follower, Expiring {
  readonly response: Promise<CallResponse>;
  dueAt = 0;
  placeInSlot = -1;
  /** The index of the call in the list of its pool's running calls. Only the pool sets it. */
  place = -1;
  protected headers: ReceivedHeaders | undefined;
  protected trailers: ReceivedHeaders | undefined;
  protected readonly reader: MessageReader;
  /** Stops the request for the memory of a message that is coming. Undefined while no request waits. */
  protected stopAsking: (() => void) | undefined;
  /** True when the call has ended. The consumer of a stream may still take messages that have come. */
  protected closed = false;
  private resolve!: (response: CallResponse | Promise<CallResponse>) => void;
  private reject!: (error: unknown) => void;
  private readonly heardBefore: number;
  /** The time at which the call began, in milliseconds since the epoch; 0 if it has no deadline. */
  private begunAt = 0;
  private readonly followers: Followers;
  private placeInFollowers = -1;
  private outgoing: Outgoing | undefined;
  /** The message of a unary answer. Undefined until it has come. */
  private message: FoundMessage | undefined;
  /** The consumer of a stream that waits for the next message. Undefined while none waits. */
  private consumer:
    | { resolve(result: IteratorResult<Uint8Array, undefined>): void; reject(error: unknown): void }
    | undefined;
  private isAnswered = false;
  private finishing = false;
  private refused = false;
  /** True if memory was requested for the message that is coming. */
  private hasAsked = false;
  private failure: unknown;

  protected constructor(
    readonly connection: RpcConnection,
    private readonly attempt: Attempt,
    private readonly settings: RpcSettings,
    keep?: Keep,
  ) {
    this.response = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.reader = new MessageReader(attempt.maxResponseBytes, keep);
    this.heardBefore = connection.bytesRead;
    this.followers = followersOf(attempt.request.signal);
  }

  /** Stops reading the stream until {@link resumeStream}. The upstream can still send what its flow control window allows. */
  protected abstract pauseStream(): void;
  protected abstract resumeStream(): void;
  /** Called when the consumer of a stream has taken a message. */
  protected taken(): void {}
  /** Tells the upstream that the call is cancelled. Does nothing if the stream has ended. */
  protected abstract resetStream(): void;
  /** True if the whole request was sent. */
  protected abstract get isSent(): boolean;
  abstract write(message: Uint8Array): Promise<void> | undefined;
  abstract end(): void;
  /** Returns the reason why the stream has ended without a status. */
  protected abstract streamEnd(): StreamEnd;

  /** Lets the signal and the deadline end the call, and sends a client stream. Called when the stream is open. */
  protected follow(): void {
    const { deadline, message } = this.request;
    this.placeInFollowers = this.followers.add(this);
    if (deadline !== undefined) this.begunAt = this.settings.deadlines.add(deadline.at, this);
    if (!(message instanceof Uint8Array)) this.outgoing = new Outgoing(message, this);
  }

  /** Ends the call with `error`, and cancels it at the upstream. Does nothing if the call has ended. */
  abort(error: unknown): void {
    if (this.closed) return;
    this.settle(error);
    this.resetStream();
  }

  expire(): void {
    const deadline = this.request.deadline!;
    const { connection } = this;
    this.abort(new DeadlineExceeded(deadline.owner));
    if (connection.bytesRead === this.heardBefore && isTelling(deadline, this.begunAt)) connection.suspect();
  }

  protected get request(): CallRequest {
    return this.attempt.request;
  }

  protected onHeaders(headers: ReceivedHeaders, isLast: boolean): void {
    this.headers = headers;
    if (isLast && headers.get('grpc-status') !== undefined) {
      this.trailers = headers;
      return;
    }
    const status = headers.get(':status');
    if (status !== '200') return this.abort(ofHttpStatus(Number(status)));
    const type = headers.get('content-type');
    if (!isGrpcType(type))
      return this.abort(brokenAnswer(`expected content-type application/grpc, got ${JSON.stringify(type)}`));
    if (this.request.method.serverStreaming) this.answerWithStream();
  }

  protected onData(piece: Buffer): void {
    if (this.closed) return;
    if (this.request.method.serverStreaming) {
      this.reader.push(piece);
      if (this.consumer === undefined) this.pauseStream();
      else this.give();
      return;
    }
    try {
      this.takeOne(piece);
    } catch (error) {
      this.abort(error);
    }
  }

  /** Keeps the message of a unary answer when it is complete. Throws a StatusError if more than one comes. */
  private takeOne(piece: Buffer): void {
    const whole = this.message === undefined ? this.reader.whole(piece) : undefined;
    if (whole === undefined) this.reader.push(piece);
    this.message ??= this.withRoom(whole ?? this.reader.next());
    if (this.message === undefined) return;
    if (this.reader.next() !== undefined || this.reader.coming > 0)
      throw brokenAnswer('expected one message in a unary answer, got more');
  }

  private next(): FoundMessage | undefined {
    return this.withRoom(this.reader.next());
  }

  private withRoom(found: FoundMessage | undefined): FoundMessage | undefined {
    const { room } = this.request.context;
    if (room !== undefined) this.keepRoom(room, found);
    return found;
  }

  /**
   * Counts the memory of messages in `room`, the limit for the messages of the request. For a message that is still coming it
   * requests the memory once; until `room` grants it, the upstream can send no more than its flow control window.
   */
  private keepRoom(room: Room, found: FoundMessage | undefined): void {
    if (found !== undefined) {
      if (this.hasAsked) this.hasAsked = false;
      else room.hold(found.bytes.length);
      return;
    }
    const { coming } = this.reader;
    if (coming === 0 || this.hasAsked || this.closed) return;
    this.hasAsked = true;
    this.stopAsking = room.ask(coming, () => {
      this.stopAsking = undefined;
      this.resumeStream();
    });
    if (this.stopAsking !== undefined) this.pauseStream();
  }

  private async unzipped(bytes: Buffer): Promise<Uint8Array> {
    const encoding = this.headers?.get('grpc-encoding');
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

  /** Ends the call by its status. Called when nothing more will come on the stream. */
  protected finish(): void {
    if (this.closed || this.finishing) return;
    this.finishing = true;
    this.outgoing?.stop();
    const status = this.trailers?.get('grpc-status');
    if (status === undefined) return this.settle(this.withoutStatus());
    const code = statusCode(status);
    if (code !== 0) return this.settle(this.ofStatus(code, this.trailers!), true);
    if (this.request.method.serverStreaming) {
      this.answerWithStream();
      return this.settle(undefined);
    }
    if (this.reader.isCut) return this.settle(brokenAnswer(CUT));
    const { message } = this;
    if (message === undefined) return this.settle(brokenAnswer('expected a message with the status OK, got none'));
    if (!message.compressed) return this.answer(message.bytes);
    this.unzipped(message.bytes).then(
      (bytes) => this.answer(bytes),
      (error: unknown) => this.settle(error),
    );
  }

  private answer(bytes: Uint8Array): void {
    this.resolve(unaryResponse(bytes, this.headers, this.trailers, metadataOf));
    this.settle(undefined);
  }

  private ofStatus(code: number, trailers: ReceivedHeaders): StatusError {
    const { deadline } = this.request;
    // The server may report that the deadline has passed before the gateway's own timer fires.
    if (maySayLate(code) && isOver(deadline, this.settings.clock.now()))
      return new DeadlineExceeded(deadline.owner, `the status ${Code[code]} of the upstream`);
    const details = trailers.get('grpc-status-details-bin');
    return upstreamStatus(
      code,
      statusMessage(trailers.get('grpc-message') ?? ''),
      details === undefined ? undefined : Buffer.from(details, 'base64'),
      readLater(this.headers, this.trailers, metadataOf),
    );
  }

  /** Returns the error for a stream that ended without `grpc-status`. */
  private withoutStatus(): StatusError {
    const { kind, cause } = this.streamEnd();
    switch (kind) {
      case 'refused':
        this.refused = this.headers === undefined;
        return unreachable(cause, this.refused);
      case 'lost':
        return unreachable(cause);
      case 'cancelled':
        return cancelledByUpstream(this.request.deadline, this.settings.clock.now(), cause);
      case 'broken':
        return brokenAnswer(cause);
    }
  }

  /**
   * Ends the call: resolves or rejects what still waits, and releases what the call uses. `failure` is undefined after a
   * success. If `afterMessages` is true, the consumer of a stream first gets the messages that have come. Has no effect on an
   * ended call.
   */
  private settle(failure: unknown, afterMessages = false): void {
    if (this.closed) return; // its deadline passed while a message was being decompressed
    this.closed = true;
    this.failure = failure;
    if (this.request.deadline !== undefined) this.settings.deadlines.delete(this);
    this.followers.remove(this.placeInFollowers);
    this.outgoing?.stop();
    this.stopAsking?.();
    if (failure !== undefined && !afterMessages) this.reader.clear();
    if (!this.isSent) this.resetStream();
    this.give();
    if (this.refused && this.maySendAgain) this.resolve(this.settings.again(this.attempt));
    else if (failure !== undefined) this.reject(failure); // no effect if the call was answered
    this.settings.onEnd(this);
  }

  /** True if a refused call may be sent again. The messages of a client stream are not kept, so such a call cannot. */
  private get maySendAgain(): boolean {
    return this.attempt.isFirst && this.request.message instanceof Uint8Array;
  }

  private answerWithStream(): void {
    if (this.isAnswered) return;
    this.isAnswered = true;
    const cancel = () => this.abort(cancelled());
    this.resolve(streamedResponse(metadataOf(this.headers), () => this.read(), cancel));
  }

  /** Returns the next message of a stream. It is called again only after the result has come, as `for await` does. */
  private read(): Promise<IteratorResult<Uint8Array, undefined>> {
    return new Promise((resolve, reject) => {
      this.consumer = { resolve, reject };
      this.give();
    });
  }

  /** Passes the next message, the end of the stream or its error to the consumer, if the consumer waits. */
  private give(): void {
    const { consumer } = this;
    if (consumer === undefined) return;
    let message: FoundMessage | undefined;
    try {
      message = this.next();
    } catch (error) {
      return this.breakOff(error);
    }
    if (message !== undefined) {
      this.consumer = undefined;
      if (message.compressed) this.unzipFor(consumer, message);
      else consumer.resolve({ done: false, value: message.bytes });
      this.taken();
    } else if (!this.closed) {
      if (this.stopAsking === undefined) this.resumeStream();
    } else {
      this.consumer = undefined;
      if (this.failure === undefined && this.reader.isCut) this.failure = brokenAnswer(CUT);
      if (this.failure === undefined) consumer.resolve({ done: true, value: undefined });
      else consumer.reject(this.failure);
    }
  }

  private unzipFor(consumer: NonNullable<Rpc['consumer']>, { bytes }: FoundMessage): void {
    this.unzipped(bytes).then(
      (value) => consumer.resolve({ done: false, value }),
      (error: unknown) => {
        this.breakOff(error);
        consumer.reject(error);
      },
    );
  }

  /** Ends a stream that contains an invalid message with `error`. The upstream may already have ended the stream. */
  private breakOff(error: unknown): void {
    if (!this.closed) return this.abort(error);
    this.failure = error;
    this.reader.clear();
    this.give();
  }
}

/** Converts an HTTP status to an error as gRPC does (http-grpc-status-mapping.md). A busy proxy counts as unreachable. */
function ofHttpStatus(status: number): StatusError {
  const cause = `expected HTTP status 200, got ${status}`;
  return [429, 502, 503, 504].includes(status) ? unreachable(cause) : brokenAnswer(cause);
}
