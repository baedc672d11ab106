/**
 * One rpc over a grpc-js channel: raw bytes in and out, all four kinds. It sits on `Channel.createCall`, below grpc-js'
 * client classes: those put an emitter, two stack traces and an object stream around what is a callback per message,
 * and `startRead` is the pace of a stream put plainly.
 */
import { type Channel, Metadata as GrpcMetadata, status as GrpcStatus, type StatusObject } from '@grpc/grpc-js';
import type { Clock } from '../../base/clock.js';
import type { CallRequest, CallResponse } from '../../call/call.js';
import type { Deadline } from '../../call/deadline.js';
import { isReservedMetadataKey, type Metadata, type MetadataEntry, NO_METADATA } from '../../call/metadata.js';
import type { StatusError, StatusMetadata } from '../../status/status-error.js';
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
import { readLater, streamedResponse, unaryResponse } from '../responses.js';
import { isTelling } from '../silence.js';
import type { GrpcJsChannel } from './channel.js';
import { BROKEN } from './strict.js';

type GrpcCall = ReturnType<Channel['createCall']>;

/** grpc-js arms no timer beyond this, and throws in a callback for deadlines that `grpc-timeout` cannot say. */
const FARTHEST_DEADLINE_MS = 2 ** 31 - 1;

/** What the calls of a transport have in common. */
export interface CallSettings {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Runs once, when nothing of the rpc is left. */
  readonly onEnd: (call: GrpcJsCall) => void;
  /** Not a byte came on the channel until the call's deadline. */
  readonly onSilence: (channel: GrpcJsChannel) => void;
}

/** A call in flight. `response` settles as a `Call` does. */
export class GrpcJsCall implements MessageSink {
  readonly response: Promise<CallResponse>;
  private readonly call: GrpcCall;
  private readonly onAbort = () => this.abort(cancelled());
  private resolve!: (response: CallResponse) => void;
  private reject!: (error: unknown) => void;
  private headers: GrpcMetadata | undefined;
  /** Of a unary answer. */
  private message: Uint8Array | undefined;
  /** The consumer of a stream that waits for its next message. */
  private reader:
    | { resolve(result: IteratorResult<Uint8Array, undefined>): void; reject(error: unknown): void }
    | undefined;
  private outgoing: Outgoing | undefined;
  private ended = false;
  private failure: unknown;
  private readonly heardBefore: number | undefined;
  /** Milliseconds since the epoch. */
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
    const metadata = toGrpcMetadata(request.metadata); // throws for what is illegal, before anything is begun
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

  /** Ends the call now with `error`, here and at the upstream. Does nothing to a call that has ended. */
  abort(error: unknown): void {
    if (this.ended) return;
    this.call.cancelWithStatus(GrpcStatus.CANCELLED, 'cancelled by the gateway');
    this.settle(error);
  }

  /** The gateway's clock: that of grpc-js is the machine's. */
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
    if (this.request.method.serverStreaming) {
      const reader = this.reader;
      this.reader = undefined;
      reader?.resolve({ done: false, value: message });
    } else if (this.message === undefined) {
      this.message = message;
      this.call.startRead(); // the end of the answer is read like a message
    } else {
      this.abort(brokenAnswer('more than one message in a unary answer'));
    }
  }

  private onStatus(status: StatusObject): void {
    if (this.ended) return;
    if (status.code !== GrpcStatus.OK) {
      const failure = this.failureOf(status);
      this.settle(failure);
      if (failure instanceof DeadlineExceeded) this.noteSilence();
    } else if (this.request.method.serverStreaming) {
      this.answerWithStream();
      this.settle(undefined);
    } else if (this.message === undefined) {
      this.settle(brokenAnswer('status OK without a message'));
    } else {
      this.resolve(unaryResponse(this.message, this.headers, status.metadata, fromGrpcMetadata));
      this.settle(undefined);
    }
  }

  /** Settles everything that still waits; the first reason to end is the one that counts. */
  private settle(failure: unknown): void {
    this.ended = true;
    this.failure = failure;
    const { signal, deadline } = this.request;
    signal.removeEventListener('abort', this.onAbort);
    if (deadline !== undefined) this.settings.deadlines.delete(deadline.at, this);
    if (failure === undefined) this.reader?.resolve({ done: true, value: undefined });
    else this.reader?.reject(failure);
    this.reader = undefined;
    this.reject(failure); // of a call that was answered: no effect
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

  /** Resolves when the upstream's flow control let the message go. */
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

  /** The next message of a stream; one at a time, as `for await` asks for them. */
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
  /** What came from the upstream besides messages; undefined: nothing came from it. */
  readonly metadata: StatusMetadata | undefined;
  readonly deadline: Deadline | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly maxResponseBytes: number;
}

/**
 * What a status means. grpc-js reports its own troubles as statuses too, and only their text and the absence of
 * anything from the upstream (`metadata`) tell them apart.
 */
function failureOf(status: StatusObject, { metadata, deadline, now, maxResponseBytes }: Circumstances): StatusError {
  const { code, details } = status;
  const text = typeof details === 'string' ? details : '';
  const cause = `grpc-js: ${GrpcStatus[code] ?? code}: ${text}`;
  if (code === GrpcStatus.DEADLINE_EXCEEDED && deadline !== undefined) {
    // Its timer may fire a millisecond early; its text tells the address.
    const own = metadata === undefined || text.startsWith('Deadline exceeded after ');
    if (own || now >= deadline.at) return new DeadlineExceeded(deadline.owner, cause);
  }
  if (code === GrpcStatus.RESOURCE_EXHAUSTED && isTooLarge(text, maxResponseBytes))
    return answerTooLarge(maxResponseBytes, cause);
  // What fails in its decompression is an Error in a status' place: it has neither code nor details.
  if (metadata !== undefined && code !== undefined && !OWN_TEXT.test(text))
    return upstreamStatus(code, text, statusDetails(status.metadata), metadata);
  if (code === GrpcStatus.CANCELLED) return cancelledByUpstream(deadline, now, cause);
  // RST_STREAM with ENHANCE_YOUR_CALM: an upstream that wants less of us, for which no client is to blame.
  const busy = code === GrpcStatus.UNAVAILABLE || code === GrpcStatus.RESOURCE_EXHAUSTED;
  return busy ? unreachable(cause, NO_CONNECTION.test(text)) : brokenAnswer(cause);
}

/** How grpc-js 1.14 says that a call has had no connection at all (`picker.js`, `resolving-load-balancer.js`). */
const NO_CONNECTION = /^(No connection established|Name resolution failed)/;

/** How grpc-js 1.14 and `strict.ts` put their own findings after an answer has begun (`subchannel-call.js`, `compression-filter.js`). */
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

/** The deadline on the machine's clock, which is that of grpc-js. */
function grpcDeadline(deadline: Deadline | undefined, clock: Clock): number {
  if (deadline === undefined) return Number.POSITIVE_INFINITY;
  return Date.now() + Math.min(deadline.at - clock.now(), FARTHEST_DEADLINE_MS);
}

function toBuffer(message: Uint8Array): Buffer {
  return Buffer.isBuffer(message) ? message : Buffer.from(message.buffer, message.byteOffset, message.byteLength);
}

/** The calls of an aggregate are sent the same; grpc-js copies what it is given. */
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
  const result = new GrpcMetadata();
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
