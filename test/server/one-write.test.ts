/** Small answers leave in one piece with their head, byte for byte, and stay visible to a library that changes answers. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
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

test('an answer whose head Node sends at once, because it has an Expect header of the service, is whole', async (t) => {
  const say = { headers: { expect: '100-continue' }, message: { text: TEXT } };
  const { send } = await startGateway(t, PROTO, { Say: say }, { metadata: { response: ['*'] } });
  t.deepEqual((await send('GET', '/say')).json, { text: TEXT });
});

test('a library that has replaced `write` and `end` gets the content', async (t) => {
  const { url } = await serveThrough(t, 'quiet', (_req, res) => {
    const { end } = res;
    res.end = ((content: Buffer) => end.call(res, content.toString().toUpperCase(), 'utf8')) as typeof end;
  });
  t.is((await sendTo(url, 'GET', '/say')).text, '{"TEXT":"QUIET"}');
});

test('an answer that a server writes in chunks, because something removed its length, is whole', async (t) => {
  const { url } = await serveThrough(t, TEXT, (_req, res) => {
    const { writeHead } = res;
    res.writeHead = function withoutLength(this: ServerResponse, status: number) {
      res.removeHeader('content-length');
      return writeHead.call(res, status);
    } as typeof writeHead;
  });
  t.deepEqual((await sendTo(url, 'GET', '/say')).json, { text: TEXT });
});

test('an answer whose length Node must check is whole', async (t) => {
  const { url } = await serveThrough(t, TEXT, (_req, res) => {
    res.strictContentLength = true;
  });
  t.deepEqual((await sendTo(url, 'GET', '/say')).json, { text: TEXT });
});

test('the answer of a HEAD has no content, even if a server in front of the gateway makes it a GET', async (t) => {
  const { port } = await serveThrough(t, 'not for HEAD', (req) => {
    req.method = 'GET';
  });
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.write('HEAD /say HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
  const pieces = (await socket.toArray()) as Buffer[];
  t.regex(Buffer.concat(pieces).toString(), /^HTTP\/1\.1 200 [\s\S]*\r\n\r\n$/);
});

/** Starts a server that changes each request or answer before the gateway gets it. */
async function serveThrough(
  t: ExecutionContext,
  said: string,
  change: (req: IncomingMessage, res: ServerResponse) => void,
): Promise<{ url: string; port: number }> {
  const { gateway } = await startGateway(t, PROTO, { Say: { message: { text: said } } });
  const handle = gateway.callback();
  const server = createServer((req, res) => {
    change(req, res);
    void handle(req, res);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port };
}
