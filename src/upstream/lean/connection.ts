/** One HTTP/2 connection to an upstream: its streams, its windows and its end (RFC 9113). */
import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.js';
import { LeakyBucket } from '../../base/leaky-bucket.js';
import { CONNECT_TIMEOUT_MS, CONNECTION_WINDOW, LAST_STREAM_ID, RESETS, STREAM_WINDOW } from '../connection-limits.js';
import { Keepalive, silentPeer, type Watched } from '../keepalive.js';
import type { ConnectionEvents, PooledConnection } from '../pool.js';
import { alpnFailure, destroyLater, noHttp2, openSocket } from '../socket.js';
import type { TransportSettings } from '../transport.js';
import { type FrameHandler, FrameReader } from './frame-reader.js';
import { FrameWriter, prefaceSettings } from './frame-writer.js';
import {
  ConnectionError,
  DEFAULT_WINDOW,
  ErrorCode,
  LARGEST_FRAME_LIMIT,
  LARGEST_WINDOW,
  Setting,
  SMALLEST_FRAME_LIMIT,
} from './frames.js';
import { HeaderList } from './header-list.js';
import { HpackDecoder, TABLE_BYTES } from './hpack-decoder.js';
import type { RequestBlock } from './request-block.js';
import { Sender, SendingStream } from './sender.js';
import type { Stream } from './stream.js';
import { StreamTable } from './stream-table.js';

/** The most bytes of an answer's headers, counted as in RFC 7541 §4.1: the text of each header, and 32 more. */
const MAX_LIST_BYTES = 64 * 1024;
/**
 * The memory into which all connections read. Each piece is used up before the next one is read, so one buffer is enough, and
 * it stays in the processor's cache.
 */
const READ_BUFFER = Buffer.allocUnsafeSlow(64 * 1024);
/** The most bytes of a DATA frame that is sent. The messages of other calls wait while a larger frame is sent. */
const LARGEST_SENT_FRAME = 64 * 1024;
/**
 * The most bytes of answers to PINGs and SETTINGS that may wait to be sent. A connection with more is closed, because its peer
 * sends frames but does not read the answers.
 */
const MOST_CONTROL_BYTES = 1024 * 1024;

export class Connection implements PooledConnection, Watched, FrameHandler {
  readonly writer: FrameWriter;
  readonly sender: Sender;
  state: 'connecting' | 'ready' | 'ended' = 'connecting';
  wasReady = false;
  isLate = false;
  failure: unknown;
  running = 0;
  bytesRead = 0;
  /** The id of the last stream that the upstream processes after its GOAWAY. It has ignored all later streams. */
  private lastStreamId = LAST_STREAM_ID;
  private nextStreamId = 1;
  private maxStreams = Number.POSITIVE_INFINITY;
  private readonly streams = new StreamTable();
  private readonly socket: Socket;
  private readonly reader = new FrameReader(this);
  private readonly decoder = new HpackDecoder(MAX_LIST_BYTES);
  /** The headers that were decoded last. {@link headersOf} returns them again if the next answer has the same ones. */
  private headers: HeaderList | undefined;
  /** The trailers that were decoded last. {@link headersOf} returns them again if the next answer has the same ones. */
  private trailers: HeaderList | undefined;
  private readonly keepalive: Keepalive;
  private readonly resets: LeakyBucket;
  private readonly cancelTimer: () => void;
  /** The stream whose DATA frame is being read. Undefined between DATA frames, and if that stream has already ended. */
  private current: Stream | undefined;
  /** The number of bytes of DATA that have come since the last WINDOW_UPDATE for the connection was sent. */
  private unreported = 0;
  private isConnected = false;
  /** True when nothing more is read or written. */
  private isDead = false;
  /**
   * True when the next header block must tell the peer that its dynamic table stays empty, because the peer has made its table
   * smaller (RFC 7541 §4.2).
   */
  private mustShrinkTable = false;
  private peerTableBytes = TABLE_BYTES;
  /** The function to call when the peer acknowledges the SETTINGS frame that `ask` has sent. */
  private answered: (() => void) | undefined;

  constructor(
    private readonly settings: TransportSettings,
    private readonly clock: Clock,
    private readonly events: ConnectionEvents<Connection>,
  ) {
    this.resets = new LeakyBucket(RESETS, clock);
    this.keepalive = new Keepalive(this, clock);
    this.cancelTimer = clock.after(CONNECT_TIMEOUT_MS, () =>
      this.lose(new Error('the connection was not established in time')),
    );
    const callback = (count: number) => {
      this.read(count);
      return true;
    };
    const socket = openSocket(settings, { onread: { buffer: READ_BUFFER, callback } });
    this.socket = socket;
    this.writer = new FrameWriter(socket, () => this.sender.pump());
    this.sender = new Sender(this.writer);
    socket.once(settings.tls === undefined ? 'connect' : 'secureConnect', () => {
      const failure = alpnFailure(socket, settings);
      if (failure === undefined) this.greet();
      else this.lose(failure);
    });
    socket.on('error', (error) => this.lose(error));
    socket.once('end', () => this.lose(new Error('the upstream ended the connection')));
    socket.once('close', () => {
      this.keepalive.stop();
      this.lose(new Error('the connection ended'));
    });
  }

  get isAlive(): boolean {
    return this.state === 'ready' && !this.keepalive.isDoubtful;
  }

  get hasRoom(): boolean {
    return this.running < this.maxStreams && this.isAlive;
  }

  /** Sends the encoded headers of a call on a new stream. Returns the object that sends the messages of the stream. */
  begin(rpc: Stream, block: RequestBlock): SendingStream {
    const id = this.nextStreamId;
    this.nextStreamId += 2;
    this.running++;
    this.streams.add(id, rpc);
    this.keepalive.watch();
    this.writer.headers(id, block.buffer, block.length, this.sender.maxFrame, this.mustShrinkTable);
    this.mustShrinkTable = false;
    if (id === LAST_STREAM_ID) this.end(new Error('the connection has used all its stream ids'));
    return new SendingStream(id);
  }

  /** Removes a stream that has ended on both sides. Frames that still come for it are ignored. */
  forget({ sending }: Stream): void {
    this.streams.remove(sending.id);
    this.sender.remove(sending);
  }

  /**
   * Resets a stream, with an error code of HTTP/2. After too many resets (see `RESETS`), the connection takes no new calls, and
   * its running calls continue.
   */
  reset(rpc: Stream, code: number): void {
    this.forget(rpc);
    if (this.isDead) return;
    this.writer.reset(rpc.sending.id, code);
    if (this.resets.overflows()) this.end(new Error('too many streams of the connection were reset'));
  }

  suspect(): void {
    this.keepalive.suspect();
    this.events.onSilence(this);
  }

  suspectToo(): void {
    if (this.state !== 'connecting') this.keepalive.suspectToo();
  }

  ask(answered: () => void): void {
    if (this.isDead) return;
    this.answered = answered;
    this.writer.question();
  }

  recover(): void {
    this.events.onChange(this);
  }

  giveUp(): void {
    this.lose(silentPeer());
    this.events.onSilence(this);
  }

  release(): void {
    this.running--;
    if (this.state === 'ended' && this.running === 0) this.close();
  }

  close(): void {
    this.state = 'ended';
    this.keepalive.stop();
    if (this.isDead) return;
    if (this.isConnected) this.writer.goaway(ErrorCode.NO_ERROR);
    this.hangUp();
    this.isDead = true;
  }

  destroy(): void {
    this.state = 'ended';
    this.keepalive.stop();
    this.cancelTimer();
    this.isDead = true;
    this.socket.destroy();
  }

  /** Sends the bytes that wait, and closes the socket. Destroys it if the upstream does not close its side in time. */
  private hangUp(): void {
    this.writer.flush();
    this.socket.end();
    destroyLater(this.socket, this.clock);
  }

  private greet(): void {
    if (this.isDead) return;
    this.isConnected = true;
    this.writer.preface(prefaceSettings(STREAM_WINDOW, MAX_LIST_BYTES));
    this.writer.windowUpdate(0, CONNECTION_WINDOW - DEFAULT_WINDOW);
  }

  private read(count: number): void {
    if (this.isDead) return;
    this.bytesRead += count;
    try {
      this.reader.push(READ_BUFFER.subarray(0, count));
      if (this.writer.controlBacklog > MOST_CONTROL_BYTES)
        throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'the upstream reads no answers to its frames');
    } catch (error) {
      this.fail(error);
    }
  }

  /**
   * Called when a frame of the peer cannot be processed. Sends GOAWAY with the error code if the peer broke a rule of HTTP/2,
   * ends all calls and closes the connection.
   */
  private fail(error: unknown): void {
    if (this.isDead) return;
    if (this.isConnected && error instanceof ConnectionError) {
      this.writer.goaway(error.errorCode);
      this.hangUp();
    } else this.socket.destroy();
    this.lose(error);
  }

  /** Ends the connection and all of its calls with `cause`, because nothing more can come. */
  private lose(cause: unknown): void {
    this.cancelTimer();
    if (this.isDead) return;
    this.isDead = true;
    this.keepalive.stop();
    if (!this.socket.writableEnded) this.socket.destroy();
    // SETTINGS is the first frame of an HTTP/2 server (RFC 9113 §3.4). Another kind of server sends something else.
    const failure = this.isConnected && this.state === 'connecting' ? noHttp2(cause, this.settings) : cause;
    this.end(failure);
    for (const { id, stream } of this.streams.all())
      stream.lose({ kind: id > this.lastStreamId ? 'refused' : 'lost', cause: failure });
  }

  private end(failure: unknown): void {
    if (this.state === 'ended') return;
    this.failure = failure;
    this.state = 'ended';
    if (this.running === 0) this.close();
    this.events.onChange(this);
  }

  // The methods from here on process the frames of the peer.

  onSettings(payload: Buffer): void {
    this.writer.settingsAck();
    for (let at = 0; at < payload.length; at += 6) this.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    if (this.state === 'connecting' && this.maxStreams > 0) {
      this.cancelTimer();
      this.state = 'ready';
      this.wasReady = true;
      this.keepalive.watch();
    }
    this.events.onChange(this);
  }

  private set(setting: number, value: number): void {
    switch (setting) {
      case Setting.HEADER_TABLE_SIZE:
        this.mustShrinkTable ||= value < this.peerTableBytes;
        this.peerTableBytes = value;
        return;
      case Setting.ENABLE_PUSH:
        if (value !== 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'an upstream that turns push on');
        return;
      case Setting.MAX_CONCURRENT_STREAMS:
        this.maxStreams = value;
        return;
      case Setting.INITIAL_WINDOW_SIZE:
        if (value > LARGEST_WINDOW)
          throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, `an initial window of ${value} bytes`);
        return this.sender.setInitialWindow(value);
      case Setting.MAX_FRAME_SIZE:
        if (value < SMALLEST_FRAME_LIMIT || value > LARGEST_FRAME_LIMIT)
          throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `a largest frame of ${value} bytes`);
        this.sender.maxFrame = Math.min(value, LARGEST_SENT_FRAME);
    }
  }

  onSettingsAck(): void {
    this.answered?.();
    this.answered = undefined;
  }

  onPing(payload: Buffer): void {
    this.writer.pingAck(payload);
  }

  /** Ends the calls whose streams the upstream has not processed; they may be sent again. The other calls continue. */
  onGoaway(lastStream: number, code: number): void {
    this.lastStreamId = Math.min(this.lastStreamId, lastStream);
    const cause = new Error(`the upstream sent GOAWAY with code ${code}`);
    this.end(cause);
    for (const { id, stream } of this.streams.all())
      if (id > this.lastStreamId) stream.lose({ kind: 'refused', cause });
  }

  onWindowUpdate(stream: number, increment: number): void {
    if (stream === 0) {
      if (increment === 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'a WINDOW_UPDATE of 0');
      return this.sender.widen(increment);
    }
    const rpc = this.streamOf(stream);
    if (rpc === undefined) return;
    if (increment === 0)
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `a WINDOW_UPDATE of 0 on stream ${stream}`);
    if (!this.sender.widenStream(rpc.sending, increment))
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, `a window that is too large on stream ${stream}`);
  }

  onReset(stream: number, code: number): void {
    this.streamOf(stream)?.lose(resetBy(code));
  }

  onHeaders(stream: number, block: Buffer, isLast: boolean): void {
    const list = this.decoder.decode(block);
    this.streamOf(stream)?.receiveHeaders(list, isLast);
  }

  /**
   * Returns the checked form of decoded headers. Upstreams often send the same headers again. The decoder then returns the same
   * array, and this method the same object.
   */
  headersOf(list: readonly string[], areTrailers: boolean): HeaderList {
    const latest = areTrailers ? this.trailers : this.headers;
    if (latest?.list === list) return latest;
    const made = new HeaderList(list, areTrailers);
    if (areTrailers) this.trailers = made;
    else this.headers = made;
    return made;
  }

  onDataBegin(stream: number, length: number): void {
    const rpc = this.streamOf(stream);
    this.current = rpc;
    // The window of each stream limits what the upstream may send, so the window of the connection is opened again without
    // waiting for consumers.
    this.unreported += length;
    if (this.unreported >= CONNECTION_WINDOW / 4) {
      this.writer.windowUpdate(0, this.unreported);
      this.unreported = 0;
    }
    if (rpc === undefined) return;
    if (!rpc.hasHeaders) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `DATA before HEADERS on stream ${stream}`);
    rpc.receiveData(length);
  }

  onDataPiece(piece: Buffer): void {
    this.current?.receivePiece(piece);
  }

  onDataEnd(isLast: boolean): void {
    const { current } = this;
    this.current = undefined;
    if (isLast) current?.receiveEnd();
    else current?.grant();
  }

  /**
   * Returns the open stream with the id; undefined if it has ended. Throws a ConnectionError for a stream that this side never
   * began.
   */
  private streamOf(stream: number): Stream | undefined {
    const rpc = this.streams.get(stream);
    if (rpc === undefined && (stream >= this.nextStreamId || stream % 2 === 0))
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `a frame of stream ${stream}, which was not begun`);
    return rpc;
  }
}

/** Returns what a reset by the upstream means for the call. `code` is the error code in the RST_STREAM frame. */
function resetBy(code: number) {
  const cause = `the upstream reset the stream with code ${code}`;
  switch (code) {
    case ErrorCode.REFUSED_STREAM:
      return { kind: 'refused', cause } as const;
    case ErrorCode.ENHANCE_YOUR_CALM:
      return { kind: 'lost', cause } as const;
    case ErrorCode.CANCEL:
      return { kind: 'cancelled', cause } as const;
    default:
      return { kind: 'broken', cause } as const;
  }
}
