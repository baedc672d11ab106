/**
 * This module limits how much the gateway holds for one HTTP/2 connection (`limits.connectionBytes`). Without a limit, a client
 * could ask for a hundred answers and take none of them. Over HTTP/1.1 a connection has one request at a time (`pipelining.ts`).
 *
 *     a request                       begins when the connection is not full, and nothing waits for room
 *     a message of an answer          is read when there is room for all of it; until then its upstream is not read
 *     its JSON                        is written when the connection is not over its limit; a large one goes on in parts
 *     a body                          is read while all bodies together are within the limit, which they have for themselves
 *
 * There is always progress: if no answer waits for the client, the oldest request may read as much as it needs.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2Session } from 'node:http2';
import { Bag } from '../../base/bag.js';
import type { Room } from '../../call/call.js';
import { onClose } from '../../exchange/on-close.js';

/** A waiting task, which continues when there is room. */
interface Waiting {
  /** True for a part of an answer. No request begins while it waits. */
  readonly ofAnswer: boolean;
  readonly request: RequestRoom;
  readonly mayGo: () => boolean;
  readonly go: () => void;
}

const rooms = new WeakMap<Http2Session, ConnectionRoom>();
const ofAnswer = new WeakMap<ServerResponse, RequestRoom>();

/**
 * Returns undefined if an HTTP/2 request may begin now. Otherwise resolves to true when it may, or to false if its stream was
 * closed before.
 */
export function enterRoom(
  req: IncomingMessage,
  res: ServerResponse,
  maxBytes: () => number,
): Promise<boolean> | undefined {
  const { session } = (req as unknown as Http2ServerRequest).stream;
  if (session === undefined) return undefined;
  let connection = rooms.get(session);
  if (connection === undefined) {
    connection = new ConnectionRoom(maxBytes);
    rooms.set(session, connection);
  }
  return connection.enter(res);
}

/** Returns the room of a request over HTTP/2 that has begun; undefined for any other. */
export function roomOf(res: ServerResponse): RequestRoom | undefined {
  return ofAnswer.get(res);
}

class ConnectionRoom {
  /** The requests that have begun. */
  readonly requests = new Bag<RequestRoom>();
  /** The number of requests that have ever begun. */
  private begun = 0;
  /** The bytes of messages that were read, or have room to be read, and are not written yet. */
  read = 0;
  /** The bytes of JSON that were written and that the client has not taken yet. */
  written = 0;
  /** The number of these bytes that belong to JSON that is not complete, and so cannot be taken. */
  growing = 0;
  /** The bytes of request bodies that are held. */
  bodies = 0;
  private waiting: Waiting[] = [];
  private readonly entering: (() => void)[] = [];

  constructor(private readonly maxBytes: () => number) {}

  enter(res: ServerResponse): Promise<boolean> | undefined {
    if (this.mayBegin) {
      this.begin(res);
      return undefined;
    }
    return new Promise((resolve) => {
      let isGone = false;
      this.entering.push(() => {
        if (isGone) return;
        this.begin(res);
        resolve(true);
      });
      res.once('close', () => {
        isGone = true;
        resolve(false);
      });
    });
  }

  mayRead(request: RequestRoom, bytes: number): boolean {
    return this.fits(bytes) || (this.written === 0 && this.isFirst(request, (one) => one.reads));
  }

  mayWrite(): boolean {
    return this.fits(0) || this.written === 0;
  }

  mayGrow(request: RequestRoom): boolean {
    return this.fits(0) || (this.written === this.growing && this.isFirst(request, (one) => one.isGrowing));
  }

  mayReadBody(request: RequestRoom): boolean {
    if (this.bodies <= this.maxBytes()) return true;
    for (const one of this.requests) if (one.body > 0 && !one.readsBody) return false;
    return this.isFirst(request, (one) => one.readsBody);
  }

  /** Calls `go` when there is room. The returned function ends the wait. */
  wait(waiting: Waiting): () => void {
    this.waiting.push(waiting);
    return () => {
      this.waiting = this.waiting.filter((one) => one !== waiting);
    };
  }

  /** Continues all waiting tasks for which there is room now. */
  settle(): void {
    for (const one of [...this.waiting]) {
      if (!this.waiting.includes(one) || !one.mayGo()) continue;
      this.waiting = this.waiting.filter((other) => other !== one);
      one.go();
    }
    while (this.entering.length > 0 && this.mayBegin) this.entering.shift()!();
  }

  end(request: RequestRoom): void {
    const theirs = this.waiting.filter((one) => one.request === request);
    this.waiting = this.waiting.filter((one) => one.request !== request);
    for (const { go } of theirs) go();
    this.settle();
  }

  private get mayBegin(): boolean {
    return !this.waiting.some(({ ofAnswer }) => ofAnswer) && this.read + this.written < this.maxBytes();
  }

  private begin(res: ServerResponse): void {
    const request = new RequestRoom(this, this.begun++);
    const place = this.requests.add(request);
    ofAnswer.set(res, request);
    onClose(res, () => {
      this.requests.remove(place);
      request.end();
    });
  }

  private fits(bytes: number): boolean {
    return this.read + this.written + bytes <= this.maxBytes();
  }

  private isFirst(request: RequestRoom, among: (request: RequestRoom) => boolean): boolean {
    const isAmong = among(request);
    for (const one of this.requests) if (among(one) && (one.order < request.order || !isAmong)) return false;
    return true;
  }
}

/** Counts what one request holds of its connection's room. */
export class RequestRoom implements Room {
  /** The messages that were read, or have room to be read. */
  private messages: number[] = [];
  private written = 0;
  private grown = 0;
  private asked = 0;
  body = 0;
  readsBody = false;
  private ended = false;

  constructor(
    private readonly connection: ConnectionRoom,
    /** Requests of a connection that began earlier have lower numbers. */
    readonly order: number,
  ) {}

  /** True if some messages of the request's answer are being read, wait to be read, or wait to be written. */
  get reads(): boolean {
    return this.messages.length > 0 || this.asked > 0;
  }

  hold(bytes: number): void {
    if (this.ended) return;
    this.messages.push(bytes);
    this.connection.read += bytes;
  }

  ask(bytes: number, onRoom: () => void): (() => void) | undefined {
    if (this.ended) return undefined;
    this.asked++;
    if (this.connection.mayRead(this, bytes)) {
      this.asked--;
      this.hold(bytes);
      return undefined;
    }
    const giveUp = this.connection.wait({
      ofAnswer: true,
      request: this,
      mayGo: () => this.connection.mayRead(this, bytes),
      go: () => {
        this.asked--;
        this.hold(bytes);
        onRoom();
      },
    });
    return () => {
      this.asked--;
      giveUp();
    };
  }

  /** Returns undefined if JSON may be written now; otherwise resolves when it may. */
  toWrite(): Promise<void> | undefined {
    const { connection } = this;
    if (this.ended || connection.mayWrite()) return undefined;
    const mayGo = () => connection.mayWrite();
    return new Promise((go) => void connection.wait({ ofAnswer: true, request: this, mayGo, go }));
  }

  /** True if the request has written JSON that is not complete. */
  get isGrowing(): boolean {
    return this.grown > 0;
  }

  /** Counts bytes of JSON that is not complete. Returns undefined if it may go on now; otherwise resolves when it may. */
  toGrow(bytes: number): Promise<void> | undefined {
    const { connection } = this;
    if (this.ended) return undefined;
    this.addGrown(bytes);
    const mayGo = () => connection.mayGrow(this);
    if (mayGo()) return undefined;
    return new Promise((go) => void connection.wait({ ofAnswer: true, request: this, mayGo, go }));
  }

  private addGrown(bytes: number): void {
    this.grown += bytes;
    this.written += bytes;
    this.connection.growing += bytes;
    this.connection.written += bytes;
  }

  /** Counts the written JSON of an answer, and no longer the messages from which it was made. */
  write(bytes: number, ofAll: boolean): void {
    if (this.ended) return;
    this.addGrown(-this.grown);
    this.written += bytes;
    this.connection.written += bytes;
    this.forget(ofAll ? this.messages.splice(0) : this.messages.splice(0, 1));
    if (ofAll) this.forgetBody();
    this.connection.settle();
  }

  /** Notes that the client has taken so many bytes of the request's JSON. */
  taken(bytes: number): void {
    if (this.ended) return;
    this.written -= bytes;
    this.connection.written -= bytes;
    this.connection.settle();
  }

  /** Counts bytes of the request's body. Returns true if it may be read on; otherwise not before `onRoom` runs. */
  readBody(bytes: number, onRoom: () => void): boolean {
    if (this.ended) return true;
    const { connection } = this;
    this.readsBody = true;
    this.body += bytes;
    connection.bodies += bytes;
    if (connection.mayReadBody(this)) return true;
    connection.wait({ ofAnswer: false, request: this, mayGo: () => connection.mayReadBody(this), go: onRoom });
    return false;
  }

  /** Notes that the body is whole, or will not be read any further. */
  endBody(): void {
    if (!this.readsBody) return;
    this.readsBody = false;
    this.connection.settle();
  }

  end(): void {
    this.forget(this.messages.splice(0));
    this.addGrown(-this.grown);
    this.connection.written -= this.written;
    this.forgetBody();
    this.readsBody = false;
    this.ended = true;
    this.connection.end(this);
  }

  private forget(messages: readonly number[]): void {
    for (const bytes of messages) this.connection.read -= bytes;
  }

  private forgetBody(): void {
    this.connection.bodies -= this.body;
    this.body = 0;
  }
}
