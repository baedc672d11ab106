/** A gateway inside another server, where a body parser such as express.raw() has read the request before. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import type { Middleware } from '../../src/exchange/request-state.js';
import { sendTo, startGateway } from '../support/gateway.js';

const PROTO = `package p.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
message Note { string text = 1; int64 number = 2; }
service Notes {
  rpc Say(Note) returns (Note) { option (google.api.http) = { post: "/say" body: "*" additional_bindings { get: "/say" } }; }
  rpc Many(stream Note) returns (Note) { option (google.api.http) = { post: "/many" body: "*" }; }
  rpc Bytes(google.api.HttpBody) returns (Note) { option (google.api.http) = { post: "/bytes" body: "*" }; }
}`;

type Request = IncomingMessage & { body?: unknown; rawBody?: unknown };
type Parser = (req: Request) => Promise<void>;

const raw: Parser = async (req) => {
  req.body = await buffer(req);
};
const text: Parser = async (req) => {
  req.body = String(await buffer(req));
};
const values: Parser = async (req) => {
  req.body = JSON.parse(String(await buffer(req)));
};
/** Keeps parsed and raw body, as functions frameworks and `rawBody: true` of NestJS do. */
const both: Parser = async (req) => {
  req.rawBody = await buffer(req);
  req.body = JSON.parse(String(req.rawBody));
};
/** A parser for other content types, which leaves an empty object as the body. */
const none: Parser = async (req) => {
  req.body = {};
};

const exact = { text: 'é', number: '9007199254740993' };
const body = JSON.stringify(exact);
const headers = { 'content-type': 'application/json' };

async function behind(t: ExecutionContext, parse: Parser) {
  const { gateway, upstream } = await startGateway(t, PROTO);
  const handle = gateway.callback();
  const server = createServer((req, res) => void parse(req).then(() => handle(req, res)));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { upstream, send: (method: string, target: string, options = {}) => sendTo(url, method, target, options) };
}

for (const [name, parse] of Object.entries({ raw, text, both, none })) {
  test(`what a parser keeps as bytes or text is the body: ${name}`, async (t) => {
    const { send, upstream } = await behind(t, parse);
    t.is((await send('POST', '/say', { body, headers })).status, 200);
    t.deepEqual(upstream.last().request, exact);
    const lines = { body: `${body}\n${body}\n`, headers: { 'content-type': 'application/x-ndjson' } };
    if (parse !== both) {
      t.is((await send('POST', '/many', lines)).status, 200);
      t.deepEqual(upstream.last().requests, [exact, exact]);
      t.is((await send('POST', '/bytes', { body: 'bytes', headers: { 'content-type': 'text/plain' } })).status, 200);
      t.deepEqual(upstream.last().request, {
        content_type: 'text/plain',
        data: Buffer.from('bytes'),
      });
    }
    t.is((await send('POST', '/say', { body: '{"text":1}', headers })).json.code, 3);
  });
}

test('a body parser that keeps only parsed values is an error, because numbers could change', async (t) => {
  const { send, upstream } = await behind(t, values);
  for (const target of ['/say', '/many']) {
    const { status, json } = await send('POST', target, {
      body: `${target === '/many' ? `[${body}]` : body}`,
      headers,
    });
    t.is(status, 500);
    t.is(json.details[0].reason, 'BODY_ALREADY_READ');
    t.regex(json.message, /^body: a body parser before the gateway has read it and kept neither bytes nor text/);
  }
  t.is(upstream.calls.length, 0);
});

test('a body that another reader has begun to read is refused', async (t) => {
  const { send, upstream } = await behind(t, async (req) => {
    req.body = 'half';
    await new Promise((resolve) => void req.once('data', resolve));
    req.pause();
  });
  const { status } = await send('POST', '/say', { body: JSON.stringify({ text: 'x'.repeat(1_000_000) }), headers });
  t.is(status, 500);
  t.is(upstream.calls.length, 0);
});

test('requests without a body and bodies beyond the limit are as ever', async (t) => {
  const { send, upstream } = await behind(t, raw);
  t.is((await send('GET', '/say?text=a')).status, 200);
  t.deepEqual(upstream.last().request, { text: 'a' });
  t.is((await send('POST', '/say', { body: Buffer.alloc(5_000_000, ' '), headers })).status, 413);
  t.is((await send('POST', '/say', { body, headers: { 'content-type': 'text/plain' } })).status, 415);
});

test('a parser among the gateway’s own middleware keeps the text in its own place', async (t) => {
  const beforeMatch: Middleware = async (ctx, next) => {
    const found = String(await buffer(ctx.req));
    Object.assign(ctx.request, { rawBody: found, body: JSON.parse(found) });
    await next();
  };
  const { send, upstream } = await startGateway(t, PROTO, {}, {}, { middleware: { beforeMatch: [beforeMatch] } });
  t.is((await send('POST', '/say', { body, headers })).status, 200);
  t.deepEqual(upstream.last().request, exact);
});
