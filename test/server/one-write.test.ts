/** Small answers leave in one piece with their head, byte for byte, and stay visible to a library that changes answers. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import test from 'ava';
import { sendTo, startGateway } from '../support/gateway.js';

const PROTO = `package p.v1;
import "google/api/annotations.proto";
message Note { string text = 1; }
service Notes { rpc Say(Note) returns (Note) { option (google.api.http) = { get: "/say" }; } }`;

/** Text with characters of one to four bytes in UTF-8. */
const TEXT = 'aé✓😀';

for (const length of [0, 1, 100, 800]) {
  test(`an answer with ${length} times a text arrives in one piece, and the next one too`, async (t) => {
    const said = TEXT.repeat(length);
    const { port } = await startGateway(t, PROTO, { Say: { message: { text: said } } });
    const socket = connect(port, '127.0.0.1');
    t.teardown(() => socket.destroy());
    for (let i = 0; i < 3; i++) {
      socket.write('GET /say HTTP/1.1\r\nhost: x\r\n\r\n');
      const [piece] = (await once(socket, 'data')) as [Buffer];
      const [head = '', body] = piece.toString('utf8').split('\r\n\r\n');
      t.is(body, length === 0 ? '{}' : `{"text":"${said}"}`);
      t.regex(head, new RegExp(`\r\ncontent-length: ${Buffer.byteLength(body!)}(\r\n|$)`, 'i'));
    }
  });
}

test('an answer of several pieces is whole', async (t) => {
  const said = TEXT.repeat(20_000);
  const { send } = await startGateway(t, PROTO, { Say: { message: { text: said } } });
  t.deepEqual((await send('GET', '/say')).json, { text: said });
});

test('a library that has replaced `write` and `end` gets the content', async (t) => {
  const { gateway } = await startGateway(t, PROTO, { Say: { message: { text: 'quiet' } } });
  const handle = gateway.callback();
  const loud = (res: ServerResponse) => {
    const { end } = res;
    res.end = ((content: Buffer) => end.call(res, content.toString().toUpperCase(), 'utf8')) as typeof end;
    return res;
  };
  const server = createServer((req, res) => void handle(req, loud(res)));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.is((await sendTo(url, 'GET', '/say')).text, '{"TEXT":"QUIET"}');
});

test('an answer that a server writes in chunks, because something removed its length, is whole', async (t) => {
  const { gateway } = await startGateway(t, PROTO, { Say: { message: { text: TEXT } } });
  const handle = gateway.callback();
  const server = createServer((req, res) => {
    const { writeHead } = res;
    res.writeHead = function withoutLength(this: ServerResponse, status: number) {
      res.removeHeader('content-length');
      return writeHead.call(res, status);
    } as typeof writeHead;
    void handle(req, res);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.deepEqual((await sendTo(url, 'GET', '/say')).json, { text: TEXT });
});
