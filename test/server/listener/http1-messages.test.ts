/** The answers and requests of the HTTP/1.1 listener are Node's to everybody who uses them. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { skipEmptyBody } from '../../../src/server/listener/empty-body.js';
import { Http1Response } from '../../../src/server/listener/http1-response.js';

type Answer = (res: ServerResponse, req: IncomingMessage) => void;

/** Sends a request to a server whose answers have the given class. Resolves to all that comes back, without its time. */
async function ask(t: ExecutionContext, Class: typeof ServerResponse, answer: Answer, request: string) {
  const server = createServer({ ServerResponse: Class }, (req, res) => answer(res, req)).listen(0, '127.0.0.1');
  t.teardown(() => void server.close());
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write(request);
  return (await text(socket)).replace(/Date: .*\r\n/, '');
}

const GET = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';

/** The functions that code calls on an answer, by name. `see` notes what they read. */
const USES: Readonly<Record<string, (res: ServerResponse, see: (...found: unknown[]) => void) => void>> = {
  'headers that are set': (res) => {
    res.setHeader('X-One', 'a').setHeader('x-two', 2).setHeader('content-length', 2);
    res.end('{}');
  },
  'a header that is set twice': (res, see) => {
    res.setHeader('x-one', 'a').setHeader('x-two', 'b').setHeader('X-One', 'c');
    see(res.getHeader('x-ONE'), res.getHeader('none'), res.hasHeader('X-two'), res.hasHeader('x-three'));
    res.end();
  },
  'headers with several values': (res, see) => {
    res.setHeader('set-cookie', ['a=1', 'b=2']).setHeader('vary', ['a', 'b']);
    res.appendHeader('set-cookie', 'c=3').appendHeader('vary', 'c').appendHeader('link', ['d', 'e']);
    see(res.getHeaders(), res.getHeaderNames());
    res.end();
  },
  'a header that is removed': (res, see) => {
    res.setHeader('x-one', 'a').setHeader('x-two', 'b').setHeader('x-three', 'c');
    res.removeHeader('X-Two');
    see(res.getHeaders(), res.hasHeader('x-two'));
    res.end('text');
  },
  'headers that Node adds and that are removed': (res) => {
    for (const name of ['connection', 'date', 'content-length', 'transfer-encoding']) res.removeHeader(name);
    res.end('text');
  },
  'headers as an argument of writeHead': (res, see) => {
    res.setHeader('x-one', 'a').setHeader('x-two', 'b');
    res.writeHead(201, { 'x-two': 'c', 'x-three': ['d', 'e'] });
    see(res.getHeader('x-two'), res.headersSent);
    res.end('text');
  },
  'a reason and a list as arguments of writeHead': (res) => {
    res.setHeader('x-one', 'a');
    res.writeHead(202, 'Fine', ['x-two', 'b', 'content-length', '4']).end('text');
  },
  'a length and a length alone': (res) => {
    res.writeHead(200, { 'content-length': 4 });
    res.end('text');
  },
  'a head without headers': (res) => void res.writeHead(204).end(),
  'a head that is sent before its content': (res) => {
    res.setHeader('x-one', 'a').flushHeaders();
    res.end('text');
  },
  'a text in Latin-1': (res) => void res.setHeader('x-one', 'caf\u00e9\t').end(),
};

for (const [name, use] of Object.entries(USES)) {
  test(`the same bytes come from ${name}`, async (t) => {
    const seen = { own: [] as unknown[], node: [] as unknown[] };
    const own = await ask(
      t,
      Http1Response as typeof ServerResponse,
      (res) => use(res, (...all) => seen.own.push(all)),
      GET,
    );
    const node = await ask(t, ServerResponse, (res) => use(res, (...all) => seen.node.push(all)), GET);
    t.regex(own, /^HTTP\/1\.1 20\d /);
    t.is(own, node);
    t.is(JSON.stringify(seen.own), JSON.stringify(seen.node));
  });
}

for (const [name, value] of [
  ['x one', 'a'],
  ['', 'a'],
  ['x-one', 'a\r\nx-two: b'],
  ['x-one', '\u0001'],
  ['x-one', '\u0100'],
  ['x-one', undefined],
  ['x-one', ['a', 'b\n']],
] as const) {
  test(`the header ${JSON.stringify(name)} with ${JSON.stringify(value)} is refused as Node does`, async (t) => {
    const found: unknown[] = [];
    const answer: Answer = (res) => {
      try {
        res.setHeader(name, value as string);
      } catch (error) {
        found.push((error as NodeJS.ErrnoException).code);
      }
      res.end();
    };
    await ask(t, Http1Response as typeof ServerResponse, answer, GET);
    await ask(t, ServerResponse, answer, GET);
    t.is(found.length, 2);
    t.is(found[0], found[1]);
  });
}

test('a header that is set after the head is refused as Node does', async (t) => {
  await ask(
    t,
    Http1Response as typeof ServerResponse,
    (res) => {
      res.writeHead(200);
      for (const change of [
        () => res.setHeader('a', 'b'),
        () => res.removeHeader('a'),
        () => res.appendHeader('a', 'b'),
        () => res.writeHead(200),
      ])
        t.throws(change, { code: 'ERR_HTTP_HEADERS_SENT' });
      res.end();
    },
    GET,
  );
});

test('a request without a body is over at once, one with a body is read, and the connection serves both', async (t) => {
  const seen: unknown[] = [];
  const answer: Answer = (res, req) => {
    skipEmptyBody(req);
    seen.push(req.destroyed);
    for (const event of ['end', 'close']) req.on(event, () => seen.push(`${req.method} ${event}`));
    if (req.method === 'GET') res.end('a');
    else void text(req).then((body) => res.end(body));
  };
  const post = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}';
  const got = await ask(t, ServerResponse, answer, `${GET.replace('close', 'keep-alive')}${post}${GET}`);
  t.deepEqual(
    [...got.matchAll(/\r\n\r\n(a|\{\})/g)].map(([, body]) => body),
    ['a', '{}', 'a'],
  );
  t.deepEqual(
    seen.filter((one) => typeof one === 'boolean'),
    [true, false, true],
  );
  t.deepEqual(
    seen.filter((one) => typeof one === 'string'),
    ['POST end', 'POST close'],
  );
});
