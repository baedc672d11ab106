/**
 * Makes calls to an upstream whose answers are drawn: right ones with mistakes in their frames. When it has sent all of
 * them, it closes the connection: then no call may be left.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CallResponse } from '../../../src/call/call.js';
import { StatusError } from '../../../src/status/status-error.js';
import { createLeanTransport } from '../../../src/upstream/lean/transport.js';
import { frame, HEADERS, SETTINGS } from '../../support/frames.js';
import { CALL } from '../../support/http2-upstream.js';
import { openTransport } from '../../support/transport.js';
import { drawAnswer, drawsOf } from './draw-frames.js';
import type { Verdict } from './readers.js';

const STREAM = { path: '/a.B/S', clientStreaming: false, serverStreaming: true };
/** The statuses that a call may get of an upstream that says anything. */
const STATUSES = new Set([400, 401, 403, 404, 409, 412, 416, 429, 499, 500, 501, 502, 503, 504]);

export class DrawnUpstream {
  private seed = 0;
  private readonly server: Server;

  constructor() {
    this.server = createServer((socket) => this.serve(socket.on('error', () => {})));
  }

  async start(): Promise<void> {
    await once(this.server.listen(0, '127.0.0.1'), 'listening');
  }

  close(): void {
    this.server.close();
  }

  /** Makes up to three calls at once on a connection of their own. */
  async try(seed: number, patienceMs: number): Promise<Verdict> {
    this.seed = seed;
    const draw = drawsOf(seed);
    const { port } = this.server.address() as AddressInfo;
    const transport = openTransport(createLeanTransport, `127.0.0.1:${port}`);
    const results: string[] = [];
    const calls = Array.from({ length: 1 + draw(3) }, async () => {
      const isStream = draw(3) === 0;
      try {
        const answer = await transport.call(isStream ? { ...CALL, method: STREAM } : CALL);
        if (isStream) await readAll(answer);
        results.push('answered');
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        if (!STATUSES.has(error.httpStatus)) throw new Error(`the status ${error.httpStatus}`);
        if (/\d+\.\d+\.\d+|ERR_|stack/.test(error.message)) throw new Error(`the message ${error.message}`);
        results.push(`${error.httpStatus}`);
      }
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not ended after ${patienceMs} ms`)), patienceMs);
    });
    try {
      await Promise.race([Promise.all(calls), late]);
      const left = transport.running();
      return left === 0 ? { result: results[0]! } : { result: 'left', fault: `${left} calls still run` };
    } catch (error) {
      return { result: 'failed', fault: String(error) };
    } finally {
      clearTimeout(timer);
      await transport.close(0);
    }
  }

  private serve(socket: Socket): void {
    const draw = drawsOf(this.seed + 1_000_003);
    let rest = Buffer.alloc(0);
    let begins = 24; // the preface
    let begun = 0;
    socket.write(frame(SETTINGS, 0, 0));
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (; rest.length >= begins + 9; begins = 0) {
        const end = begins + 9 + rest.readUIntBE(begins, 3);
        if (rest.length < end) return;
        if (rest[begins + 3] === HEADERS) {
          begun++;
          void answer(socket, drawAnswer(draw, rest.readUInt32BE(begins + 5)), draw, () => --begun === 0);
        }
        rest = rest.subarray(end);
      }
    });
  }
}

async function answer(
  socket: Socket,
  pieces: readonly Buffer[],
  draw: (n: number) => number,
  isLast: () => boolean,
): Promise<void> {
  if (draw(2) === 0) socket.write(Buffer.concat(pieces));
  else
    for (const piece of pieces) {
      socket.write(piece);
      if (draw(2) === 0) await nextTurn();
    }
  await nextTurn();
  if (isLast()) socket.end();
}

async function readAll({ message }: CallResponse): Promise<void> {
  for await (const _ of message as AsyncIterable<Uint8Array>);
}
