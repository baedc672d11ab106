/** Tests that from the signal on connections end with their answers, and that no request is lost. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { certificates } from '../support/certificates.js';
import { handClock, pass } from '../support/clock.js';
import { GOAWAY, getFrame, HEADERS, PREFACE } from '../support/frames.js';
import { startGateway } from '../support/gateway.js';
import { http2Client } from '../support/http2.js';
import { tlsFiles } from '../support/tls-files.js';
import { NEVER_MS, until } from '../support/until.js';

const PROTO = `package p.v1;
import "google/api/annotations.proto";
message Q { string id = 1; }
service S {
  rpc Quick(Q) returns (Q) { option (google.api.http) = { get: "/v1/quick" }; }
  rpc Slow(Q) returns (Q) { option (google.api.http) = { get: "/v1/slow" }; }
}`;
const GET = 'GET /v1/quick HTTP/1.1\r\nhost: x\r\n\r\n';
const LAST = /^HTTP\/1\.1 200 [\s\S]*\r\nconnection: close\r\n/i;
const DRAIN = { graceMs: 0, timeoutMs: NEVER_MS };

class Client {
  text = '';
  ended = false;

  private constructor(readonly socket: Socket) {
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      this.text += chunk;
    });
    socket
      .on('error', () => {})
      .on('close', () => {
        this.ended = true;
      });
  }

  static async open(t: ExecutionContext, port: number): Promise<Client> {
    const client = new Client(connect(port, '127.0.0.1'));
    t.teardown(() => void client.socket.destroy());
    await once(client.socket, 'connect');
    return client;
  }

  /** Resolves to the next answer. */
  async ask(request = GET): Promise<string> {
    this.text = '';
    this.socket.write(request);
    await until(() => /\r\n\r\n\{.*\}$/s.test(this.text) || this.ended, 'an answer');
    return this.text;
  }

  /** The HTTP/2 frames that have come: their types, and the last stream id of each GOAWAY. */
  frames(): { readonly type: number; readonly stream: number; readonly lastStream: number | undefined }[] {
    const bytes = Buffer.from(this.text, 'latin1');
    const found = [];
    for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
      const type = bytes[at + 3]!;
      const lastStream = type === GOAWAY ? bytes.readUInt32BE(at + 9) : undefined;
      found.push({ type, stream: bytes.readUInt32BE(at + 5), lastStream });
    }
    return found;
  }
}

test('from the signal on each answer ends its connection, and new connections are accepted', async (t) => {
  const gateway = await startGateway(t, PROTO, { Slow: { delayMs: 300 } });
  const kept = await Client.open(t, gateway.port);
  t.notRegex(await kept.ask(), LAST);
  const running = await Client.open(t, gateway.port);
  const slow = running.ask(GET.replace('quick', 'slow'));
  await until(() => gateway.upstream.calls.length === 2);
  gateway.leave();
  t.regex(await slow, LAST);
  t.regex(await kept.ask(), LAST);
  t.regex(await (await Client.open(t, gateway.port)).ask(), LAST);
  await gateway.drain(DRAIN);
});

test('a request on an idle connection is answered after the end of the grace', async (t) => {
  const drainClock = handClock();
  const gateway = await startGateway(t, PROTO, {}, {}, { drainClock });
  const idle = await Client.open(t, gateway.port);
  await idle.ask();
  const unused = await Client.open(t, gateway.port);
  await until(() => gateway.connections.size === 2);
  const drained = gateway.drain(DRAIN);
  await until(() => !gateway.listening(), 'the port is closed');
  t.regex(await idle.ask(), LAST);
  t.regex(await unused.ask(), LAST);
  await pass(drainClock, 5000);
  await drained;
});

test('a refusal ends its connection too', async (t) => {
  const gateway = await startGateway(t, PROTO);
  const client = await Client.open(t, gateway.port);
  await client.ask();
  const drained = gateway.drain(DRAIN);
  t.regex(await client.ask(GET.replace('quick', 'nowhere')), /^HTTP\/1\.1 404 [\s\S]*\r\nconnection: close\r\n/i);
  await drained;
});

test('connections that nobody has accepted yet when the port closes are served', async (t) => {
  const gateway = await startGateway(t, PROTO);
  const opening = Array.from({ length: 60 }, () => Client.open(t, gateway.port));
  const first = await opening[0]!;
  const before = gateway.connections.size;
  const drained = gateway.drain(DRAIN);
  const clients = [first, ...(await Promise.all(opening.slice(1)))];
  const answers = await Promise.all(clients.map((client) => client.ask()));
  t.true(before < 60, `${before} of 60 were accepted before`);
  t.is(answers.filter((answer) => LAST.test(answer)).length, 60);
  await drained;
});

test('GOAWAY names the highest stream id at once, streams after it are served, and a second one names the last', async (t) => {
  const gateway = await startGateway(t, PROTO, {}, { listen: { h2c: true, keepAliveTimeout: `${NEVER_MS}ms` } });
  const client = await Client.open(t, gateway.port);
  client.socket.write(Buffer.concat([PREFACE, getFrame(1, '/v1/quick')]));
  const answered = (stream: number) => client.frames().some((one) => one.type === HEADERS && one.stream === stream);
  const goneAway = () => client.frames().flatMap(({ lastStream }) => lastStream ?? []);
  await until(() => answered(1));
  const drained = gateway.drain(DRAIN);
  await until(() => goneAway().length === 1);
  t.deepEqual(goneAway(), [2 ** 31 - 1]);
  client.socket.write(getFrame(3, '/v1/quick'));
  await until(() => answered(3));
  await until(() => client.ended);
  t.is(goneAway()[1], 3);
  await drained;
});

test('an HTTP/2 connection that begins during the grace gets GOAWAY with its first request', async (t) => {
  const gateway = await startGateway(t, PROTO, {}, { listen: { h2c: true } });
  gateway.leave();
  const client = await Client.open(t, gateway.port);
  client.socket.write(PREFACE);
  await until(() => client.frames().length > 0);
  client.socket.write(getFrame(1, '/v1/quick'));
  await until(() => client.frames().some(({ type }) => type === GOAWAY));
  t.is(client.frames().find(({ type }) => type === GOAWAY)!.lastStream, 2 ** 31 - 1);
  await until(() => client.frames().some(({ type, stream }) => type === HEADERS && stream === 1));
  await gateway.drain(DRAIN);
});

test('over TLS a request that comes after the signal is served, and GOAWAY names it', async (t) => {
  const made = certificates();
  const drainClock = handClock();
  const gateway = await startGateway(t, PROTO, {}, { listen: { tls: await tlsFiles(t, made) } }, { drainClock });
  const { send, goneAway, session } = http2Client(t, gateway.url, made.ca);
  t.is((await send('GET', '/v1/quick')).status, 200);
  gateway.leave();
  t.is((await send('GET', '/v1/quick')).status, 200);
  const drained = gateway.drain(DRAIN);
  await until(() => !gateway.listening(), 'the port is closed');
  t.deepEqual(await send('GET', '/v1/quick').then(({ status, code }) => [status, code]), [200, 0]);
  t.is(goneAway(), 0);
  await pass(drainClock, 5000);
  await until(() => session.closed || session.destroyed);
  await drained;
});
