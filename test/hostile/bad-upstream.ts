/** An upstream over HTTP/2 whose answers are bytes that the table chooses. It acknowledges SETTINGS, and PINGs it answers. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { frame, HEADERS, PING, SETTINGS } from '../support/frames.js';
import type { Teardown } from '../support/gateway.js';

export interface BadUpstream {
  readonly target: string;
  /** Answers a call. `stream` is the id of its stream. */
  onCall: (socket: Socket, stream: number) => void;
  /** Sends the first bytes of a connection. */
  onConnection: (socket: Socket) => void;
  /** Ends all connections. */
  cut(): void;
}

export const SETTINGS_FRAME = frame(SETTINGS, 0, 0);
const PREFACE_BYTES = 24;

export async function startBadUpstream(t: Teardown): Promise<BadUpstream> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {}).on('end', () => void socket.end());
    let rest = Buffer.alloc(0);
    let begins = PREFACE_BYTES;
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (; rest.length >= begins + 9; ) {
        const end = begins + 9 + rest.readUIntBE(begins, 3);
        if (rest.length < end) break;
        const [type, flags] = [rest[begins + 3], rest[begins + 4]! & 1];
        if (type === SETTINGS && flags === 0) socket.write(frame(SETTINGS, 1, 0));
        if (type === PING && flags === 0) socket.write(frame(PING, 1, 0, rest.subarray(begins + 9, end)));
        if (type === HEADERS) upstream.onCall(socket, rest.readUInt32BE(begins + 5));
        rest = rest.subarray(end);
        begins = 0;
      }
    });
    upstream.onConnection(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const upstream: BadUpstream = {
    target: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    onCall: () => {},
    onConnection: (socket) => void socket.write(SETTINGS_FRAME),
    cut() {
      for (const socket of sockets) socket.destroy();
    },
  };
  t.teardown(() => {
    upstream.cut();
    server.close();
  });
  return upstream;
}
