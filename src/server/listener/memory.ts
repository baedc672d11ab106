/**
 * Sends one request to a gateway that listens nowhere: the bytes go through Node's own parser and the whole listener, over a
 * stream in memory. No port is opened, and the caller's clock may run no timers: a request that waits for time is given up.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.js';
import type { RequestListener } from '../connection/watched.js';
import { createHttp1, type Http1Settings } from './http1.js';
import { acceptUpgrades } from './upgrade.js';

/** A socket that takes the bytes that a client would send, and keeps those that it would receive. */
class MemorySocket extends Duplex {
  private readonly received: Buffer[] = [];

  constructor(readonly remoteAddress: string) {
    super();
  }

  get text(): string {
    return Buffer.concat(this.received).toString('latin1');
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.received.push(chunk);
    done();
  }

  /** Methods of a socket that Node calls. */
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  destroySoon(): void {
    this.end();
  }
}

export interface MemoryRequest {
  /** The whole request as it would be sent. */
  readonly bytes: Buffer;
  /** The address that the request comes from. */
  readonly peer: string;
  /** Returns the frame that is sent once a handshake is accepted; undefined for none. */
  readonly frame: () => Buffer | undefined;
  /** Resolves when the caller knows enough, even without an answer. */
  readonly enough: Promise<void>;
}

/** The number of turns of the event loop without a new byte after which the request ends. An answer needs a few at most. */
const QUIET_TURNS = 50;

/** Sends the request. Resolves to the text that the client received, in Latin-1. */
export async function askInMemory(
  settings: Http1Settings,
  handle: RequestListener,
  clock: Clock,
  request: MemoryRequest,
): Promise<string> {
  const ending = new AbortController();
  const socket = new MemorySocket(request.peer);
  let served = false;
  const listener = async (req: IncomingMessage, res: ServerResponse) => {
    await handle(req, res);
    served = res.writableEnded;
  };
  const server = createHttp1(settings, listener, clock);
  const serve = (one: Socket) => void server.emit('connection', one);
  acceptUpgrades(server, { serveHttp1: serve, handle: listener, isDraining: () => false, ending: ending.signal });
  serve(socket as unknown as Socket);
  socket.push(request.bytes);
  let enough = false;
  void request.enough.then(() => {
    enough = true;
  });
  let framed = false;
  for (let turn = 0, length = 0; turn < QUIET_TURNS && !enough; turn++) {
    await new Promise(setImmediate);
    const { text } = socket;
    if (text.length > length) turn = 0;
    length = text.length;
    if ((served && !text.startsWith('HTTP/1.1 101')) || socket.writableFinished) break;
    if (!framed && text.startsWith('HTTP/1.1 101')) {
      framed = true;
      const frame = request.frame();
      if (frame !== undefined) socket.push(frame);
    }
  }
  const { text } = socket;
  socket.destroy();
  ending.abort();
  return text;
}
