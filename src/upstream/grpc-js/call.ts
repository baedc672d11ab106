/**
 * One rpc of any of the four kinds over a grpc-js channel, with encoded messages. It uses `Channel.createCall` and not the
 * client classes of grpc-js. Those create an event emitter, two stack traces and an object stream for each call; here one
 * callback per message is enough, and `startRead` says when the next message of a stream is wanted.
 */
import type { Channel, Metadata as GrpcMetadata, StatusObject } from '@grpc/grpc-js';
import type { Clock } from '../../base/clock.js';
import type { CallRequest, CallResponse } from '../../call/call.js';
import type { Deadline } from '../../call/deadline.js';
import { isReservedMetadataKey, type Metadata, type MetadataEntry, NO_METADATA } from '../../call/metadata.js';
import { Code } from '../../status/code.js';
import type { StatusError, StatusMetadata } from '../../status/status-error.js';
import type { Deadlines, Expiring } from '../deadlines.js';
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
} from '../failure.js';
import { type MessageSink, Outgoing } from '../outgoing.js';
import { LONGEST_TIMEOUT_MS } from '../protocol.js';
import { readLater, streamedResponse, unaryResponse } from '../responses.js';
import { isTelling } from '../silence.js';
import type { GrpcJsChannel } from './channel.js';
import { grpcJs } from './package.js';
import { BROKEN } from './strict.js';

type GrpcCall = ReturnType<Channel['createCall']>;

/** The settings that all calls of a transport share. */
export interface CallSettings {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Called once, when the call has ended and everything of it is released. */
  readonly onEnd: (call: GrpcJsCall) => void;
  /** Called when no byte has come on the channel between the start of a call and its deadline. */
  readonly onSilence: (channel: GrpcJsChannel) => void;
}

/** A running call. `response` resolves and rejects as the type `Call` describes. */
export class GrpcJsCall implements MessageSink, Expiring {
  readonly response: Promise<CallResponse>;
  dueAt = 0;
  placeInSlot = -1;
  /** The index of the call in the list of its transport's running calls. Only the transport sets it. */
  place = -1;
  private readonly call: GrpcCall;
  private readonly onAbort = () => this.abort(cancelled());
  private resolve!: (response: CallResponse) => void;
  private reject!: (error: unknown) => void;
  private headers: GrpcMetadata | undefined;
  /** The message of a unary answer; undefined until it has come. */
  private message: Uint8Array | undefined;
  /** The consumer of a stream that waits for the next message. Undefined while none waits. */
  private reader:
    | { resolve(result: IteratorResult<Uint8Array, undefined>): void; reject(error: unknown): void }
    | undefined;
  private outgoing: Outgoing | undefined;
  private ended = false;
  private failure: unknown;
  private readonly heardBefore: number | undefined;
  /** The time at which the call began, in milliseconds since the epoch. */
  private readonly begunAt: number;

  constructor(
    readonly channel: GrpcJsChannel,
    private readonly request: CallRequest,
    private readonly settings: CallSettings,
  ) {
    const { deadline } = request;
    this.response = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    const metadata = toGrpcMetadata(request.metadata); // this throws for illegal metadata, before anything has begun
    const ends = grpcDeadline(deadline, settings.clock);
    this.call = channel.channel.createCall(request.method.path, ends, null, null, null);
    channel.hold();
    this.heardBefore = channel.bytesRead;
    this.begunAt = settings.clock.now();
    if (deadline !== undefined) settings.deadlines.add(deadline.at, this);
    request.signal.addEventListener('abort', this.onAbort, { once: true });
    this.call.start(metadata, {
      onReceiveMetadata: (metadata) => this.onHeaders(metadata),
      onReceiveMessage: (message: Uint8Array) => this.onMessage(message),
      onReceiveStatus: (status) => this.onStatus(status),
    });
    if (!request.method.serverStreaming) this.call.startRead();
    if (request.message instanceof Uint8Array) {
      this.call.sendMessageWithContext({}, toBuffer(request.message));
      this.call.halfClose();
    } else {
      this.outgoing = new Outgoing(request.message, this);
    }
  }

  /** Ends the call with `error`, and cancels it at the upstream. Does nothing if the call has ended. */
  abort(error: unknown): void {
    if (this.ended) return;
    this.call.cancelWithStatus(Code.CANCELLED as number, 'cancelled by the gateway');
    this.settle(error);
  }

  /** Ends the call at its deadline on the gateway's clock, because grpc-js measures deadlines by the machine's clock. */
  expire(): void {
    this.abort(new DeadlineExceeded(this.request.deadline!.owner));
    this.noteSilence();
  }

  private noteSilence(): void {
    const { channel, settings } = this;
    if (channel.bytesRead !== this.heardBefore) return;
    if (isTelling(this.request.deadline!, this.begunAt)) settings.onSilence(channel);
  }

  private onHeaders(metadata: GrpcMetadata): void {
    this.headers = metadata;
    if (this.request.method.serverStreaming) this.answerWithStream();
  }

  private onMessage(message: Uint8Array): void {
    if (this.ended) return;
    this.request.context.room?.hold(message.length);
    if (this.request.method.serverStreaming) {
      const reader = this.reader;
      this.reader = undefined;
      reader?.resolve({ done: false, value: message });
    } else if (this.message === undefined) {
      this.message = message;
      this.call.startRead(); // the end of the answer must be read like a message
    } else {
      this.abort(brokenAnswer('expected one message in a unary answer, got more'));
    }
  }

  private onStatus(status: StatusObject): void {
    if (this.ended) return;
    if ((status.code as number) !== Code.OK) {
      const failure = this.failureOf(status);
      this.settle(failure);
      if (failure instanceof DeadlineExceeded) this.noteSilence();
    } else if (this.request.method.serverStreaming) {
      this.answerWithStream();
      this.settle(undefined);
    } else if (this.message === undefined) {
      this.settle(brokenAnswer('expected a message with the status OK, got none'));
    } else {
      this.resolve(unaryResponse(this.message, this.headers, status.metadata, fromGrpcMetadata));
      this.settle(undefined);
    }
  }

  /**
   * Ends the call: resolves or rejects the consumer that waits, rejects `response` if it is still pending, and releases what
   * the call uses. `failure` is undefined if the call succeeded.
   */
  private settle(failure: unknown): void {
    this.ended = true;
    this.failure = failure;
    const { signal, deadline } = this.request;
    signal.removeEventListener('abort', this.onAbort);
    if (deadline !== undefined) this.settings.deadlines.delete(this);
    if (failure === undefined) this.reader?.resolve({ done: true, value: undefined });
    else this.reader?.reject(failure);
    this.reader = undefined;
    this.reject(failure); // no effect if the call was answered
    this.outgoing?.stop();
    this.settings.onEnd(this);
  }

  private failureOf(status: StatusObject): StatusError {
    const answered = this.headers !== undefined || !isEmpty(status.metadata);
    return failureOf(status, {
      metadata: answered ? readLater(this.headers, status.metadata, fromGrpcMetadata) : undefined,
      deadline: this.request.deadline,
      now: this.settings.clock.now(),
      maxResponseBytes: this.channel.maxResponseBytes,
    });
  }

  /** Sends a message. Resolves when the flow control of the upstream allows more. */
  write(message: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.call.sendMessageWithContext({ callback: () => resolve() }, toBuffer(message));
    });
  }

  end(): void {
    this.call.halfClose();
  }

  private answerWithStream(): void {
    const cancel = () => this.abort(cancelled());
    this.resolve(streamedResponse(fromGrpcMetadata(this.headers), () => this.read(), cancel));
  }

  /**
   * Returns the next message of a stream. It must not be called again before the result has come; `for await` never does that.
   */
  private read(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.ended) {
      return this.failure === undefined
        ? Promise.resolve({ done: true, value: undefined })
        : Promise.reject(this.failure);
    }
    return new Promise((resolve, reject) => {
      this.reader = { resolve, reject };
      this.call.startRead();
    });
  }
}

interface Circumstances {
  /** The metadata that the upstream has sent; undefined when it has sent nothing. */
  readonly metadata: StatusMetadata | undefined;
  readonly deadline: Deadline | undefined;
  /** The time now, in milliseconds since the epoch. */
  readonly now: number;
  readonly maxResponseBytes: number;
}

/**
 * Converts a status of grpc-js to an error. grpc-js reports its own problems as statuses too. They can be told from those of
 * the upstream only by their text, or because `metadata` is undefined.
 */
function failureOf(status: StatusObject, { metadata, deadline, now, maxResponseBytes }: Circumstances): StatusError {
  const { details } = status;
  const code: number = status.code;
  const text = typeof details === 'string' ? details : '';
  const cause = `grpc-js: ${Code[code] ?? code}: ${text}`;
  if (maySayLate(code) && isOver(deadline, now)) return new DeadlineExceeded(deadline.owner, cause);
  if (code === Code.DEADLINE_EXCEEDED && deadline !== undefined) {
    // The timer of grpc-js may fire a millisecond early. The text of its status contains the address of the upstream, so it is
    // not passed on.
    const own = metadata === undefined || text.startsWith('Deadline exceeded after ');
    if (own) return new DeadlineExceeded(deadline.owner, cause);
  }
  if (code === Code.RESOURCE_EXHAUSTED && isTooLarge(text, maxResponseBytes))
    return answerTooLarge(maxResponseBytes, cause);
  // When decompression fails, grpc-js passes an Error here that has neither a code nor details.
  if (metadata !== undefined && code !== undefined && !OWN_TEXT.test(text))
    return upstreamStatus(code, text, statusDetails(status.metadata), metadata);
  if (code === Code.CANCELLED) return cancelledByUpstream(deadline, now, cause);
  // A reset (RST_STREAM) with ENHANCE_YOUR_CALM means that the upstream wants fewer calls. grpc-js reports it as
  // RESOURCE_EXHAUSTED, but the client did nothing wrong.
  const busy = code === Code.UNAVAILABLE || code === Code.RESOURCE_EXHAUSTED;
  return busy ? unreachable(cause, NO_CONNECTION.test(text)) : brokenAnswer(cause);
}

/** The texts of grpc-js 1.14 for a call that never had a connection (`picker.js`, `resolving-load-balancer.js`). */
const NO_CONNECTION = /^(No connection established|Name resolution failed)/;

/**
 * The texts with which grpc-js 1.14 (`subchannel-call.js`, `compression-filter.js`) and `strict.ts` report problems of an
 * answer that has begun.
 */
const OWN_TEXT = new RegExp(
  [
    `${BROKEN}.*`,
    'Received RST_STREAM with code \\d+( .*)?',
    'Received HTTP status code \\d+',
    'Received compressed message but .*',
    'Compression method not supported: .*',
    'Failed to decompress [a-z]+-encoded message',
    'Connection dropped',
    'Stream refused by server',
    'Call cancelled',
    'Bandwidth exhausted or memory limit exceeded',
    'Protocol not secure enough',
    'No status information received',
    'Write (error:|failed with error) .*',
    'read E[A-Z]+',
  ]
    .map((text) => `^${text}$`)
    .join('|'),
);

function isTooLarge(text: string, maxResponseBytes: number): boolean {
  return text.startsWith('Received message') && text.includes('larger than') && text.includes(String(maxResponseBytes));
}

/**
 * Returns the deadline in milliseconds on the machine's clock, which grpc-js uses; infinity if there is none, or if it is too
 * far in the future for `grpc-timeout`.
 */
function grpcDeadline(deadline: Deadline | undefined, clock: Clock): number {
  const leftMs = deadline === undefined ? Number.POSITIVE_INFINITY : deadline.at - clock.now();
  return leftMs > LONGEST_TIMEOUT_MS ? Number.POSITIVE_INFINITY : Date.now() + leftMs;
}

function toBuffer(message: Uint8Array): Buffer {
  return Buffer.isBuffer(message) ? message : Buffer.from(message.buffer, message.byteOffset, message.byteLength);
}

/**
 * The metadata in the form of grpc-js, by the metadata of the request. The calls of an aggregate share one object, so it is
 * converted once. grpc-js copies it for each call.
 */
const CONVERTED = new WeakMap<Metadata, GrpcMetadata>();

function toGrpcMetadata(metadata: Metadata): GrpcMetadata {
  let converted = CONVERTED.get(metadata);
  if (converted === undefined) {
    converted = convert(metadata);
    CONVERTED.set(metadata, converted);
  }
  return converted;
}

function convert(metadata: Metadata): GrpcMetadata {
  const result = new (grpcJs().Metadata)();
  for (const [key, value] of metadata) {
    if (!isReservedMetadataKey(key)) result.add(key, typeof value === 'string' ? value : toBuffer(value));
  }
  return result;
}

function fromGrpcMetadata(metadata: GrpcMetadata | undefined): Metadata {
  if (metadata === undefined) return NO_METADATA;
  const entries: MetadataEntry[] = [];
  for (const [key, values] of Object.entries(metadata.toJSON())) {
    if (isReservedMetadataKey(key)) continue;
    for (const value of values) entries.push([key, value]);
  }
  return entries;
}

function isEmpty(metadata: GrpcMetadata): boolean {
  return Object.keys(metadata.getMap()).length === 0;
}

function statusDetails(metadata: GrpcMetadata): Uint8Array | undefined {
  const value = metadata.get('grpc-status-details-bin').at(-1);
  return typeof value === 'string' ? undefined : value;
}
