/** A name server on a real socket. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';

interface Record {
  /** An IPv4 address. */
  readonly address: string;
  readonly ttl: number;
}

const A = 1;
const HEADER_BYTES = 12;
const NO_SUCH_NAME = 3;

/**
 * Starts a name server that gives every name the same addresses, and none if there are no records. `records` may be changed
 * at any time.
 */
export async function startDnsServer(t: ExecutionContext, records: Record[]) {
  const socket = createSocket('udp4');
  let asked = 0;
  socket.on('message', (query, { port, address }) => {
    const question = query.subarray(HEADER_BYTES, query.indexOf(0, HEADER_BYTES) + 5);
    const type = question.readUInt16BE(question.length - 4);
    const answers = type === A ? records.map(answerOf) : [];
    if (type === A) asked++;
    const header = Buffer.alloc(HEADER_BYTES);
    query.copy(header, 0, 0, 2);
    // This is a response, and recursion was desired and is available (RFC 1035 §4.1.1).
    header.writeUInt16BE(0x8180 | (records.length === 0 ? NO_SUCH_NAME : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(answers.length, 6);
    socket.send(Buffer.concat([header, question, ...answers]), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  const { port } = socket.address() as AddressInfo;
  return { server: `127.0.0.1:${port}`, asked: () => asked };
}

/** Returns an A record for the name of the question. */
function answerOf({ address, ttl }: Record): Buffer {
  const record = Buffer.from([0xc0, HEADER_BYTES, 0, A, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]);
  record.writeUInt32BE(ttl, 6);
  return record;
}
