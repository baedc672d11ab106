/** Requests that ask for a protocol that the gateway does not support are served as if they had not asked (RFC 9110 §7.8). */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { certificates } from '../support/certificates.js';
import { findCommand } from '../support/commands.js';
import { protoFolder, sendTo, startGateway } from '../support/gateway.js';
import { tlsFiles } from '../support/tls-files.js';
import { until } from '../support/until.js';
import type { Handlers } from '../support/upstream.js';

const PROTO = `package p.v1;
import "google/api/annotations.proto";
message Q { string id = 1; string text = 2; }
service S {
  rpc Get(Q) returns (Q) { option (google.api.http) = { get: "/v1/{id}" }; }
  rpc Make(Q) returns (Q) { option (google.api.http) = { post: "/v1/q" body: "*" }; }
  rpc Watch(Q) returns (stream Q) { option (google.api.http) = { get: "/v1/q:watch" }; }
}`;
const execute = promisify(execFile);
const ECHO: Handlers = {
  Get: ({ request }) => ({ message: request! }),
  Make: ({ request }) => ({ message: request! }),
};
const H2C = 'connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAAAAIAAAAB\r\n';

/** Sends pieces with pauses between them. Resolves to what has come when there are `count` answers. */
async function exchange(t: ExecutionContext, port: number, pieces: readonly string[], count: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => void socket.destroy());
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk;
  });
  for (const piece of pieces) {
    socket.write(piece, 'latin1');
    await sleep(20);
  }
  await until(() => text.split('HTTP/1.1 ').length > count, `${count} answers`);
  return text;
}

test('h2c is ignored, with a body in one piece, in several, and in chunks; the connection serves on', async (t) => {
  const { port, upstream, plan } = await startGateway(t, PROTO, ECHO);
  t.is(plan.diagnostics.filter(({ severity }) => severity === 'error').length, 0);
  const get = 'GET /v1/next HTTP/1.1\r\nhost: x\r\n\r\n';
  const post = `POST /v1/q HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${H2C}`;
  for (const [what, pieces] of [
    ['none', [`GET /v1/first HTTP/1.1\r\nhost: x\r\n${H2C}\r\n`, get]],
    ['pipelined', [`GET /v1/first HTTP/1.1\r\nhost: x\r\n${H2C}\r\n${get}`]],
    ['one piece', [`${post}content-length: 14\r\n\r\n{"id":"first"}${get}`]],
    ['several pieces', [`${post}content-length: 14\r\n\r\n`, '{"id":', '"first"}', get]],
    ['chunks', [`${post}transfer-encoding: chunked\r\n\r\n`, '6\r\n{"id":\r\n', '8\r\n"first"}\r\n0\r\n\r\n', get]],
  ] as const) {
    const calls = upstream.calls.length;
    const text = await exchange(t, port, pieces, 2);
    t.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 200'], what);
    t.notRegex(text, /upgrade/i);
    t.deepEqual(
      upstream.calls
        .slice(calls)
        .map(({ request }) => (request as { id: string }).id)
        .sort(),
      ['first', 'next'],
      what,
    );
  }
});

test('other protocols are ignored: unknown ones, a WebSocket that is no GET or has a body', async (t) => {
  const { port, upstream } = await startGateway(t, PROTO, ECHO);
  for (const head of [
    'GET /v1/a HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: TLS/1.0\r\n\r\n',
    'GET /v1/a HTTP/1.1\r\nhost: x\r\nconnection: keep-alive, Upgrade\r\nUpgrade: h2c, foo\r\n\r\n',
    'POST /v1/q HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\ncontent-length: 10\r\n\r\n{"id":"a"}',
    'GET /v1/a HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\ncontent-length: 2\r\n\r\n{}',
  ]) {
    t.regex(await exchange(t, port, [head], 1), /^HTTP\/1\.1 200 /, head);
    t.deepEqual(upstream.last().request, { id: 'a' });
  }
});

test('headers keep their order, their case and their number on the way back', async (t) => {
  const { port, upstream } = await startGateway(t, PROTO, {}, { metadata: { request: ['x-twice', 'x-latin'] } });
  const head = `GET /v1/a HTTP/1.1\r\nHost: x\r\nX-Twice: 1\r\n${H2C}X-TWICE: 2\r\n\r\n`;
  t.regex(await exchange(t, port, [head], 1), /^HTTP\/1\.1 200 /);
  t.deepEqual(upstream.last().metadata.get('x-twice'), ['1, 2']);
  const two = `GET /v1/a HTTP/1.1\r\nhost: x\r\nhost: y\r\n${H2C}\r\n`;
  t.regex(await exchange(t, port, [two], 1), /^HTTP\/1\.1 400 /, 'what is refused without it is refused with it');
});

test('over TLS as well', async (t) => {
  const made = certificates();
  const { url, upstream } = await startGateway(t, PROTO, ECHO, { listen: { tls: await tlsFiles(t, made) } });
  const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAEAAEAAAAIAAAAB' };
  const { status, json } = await sendTo(url, 'POST', '/v1/q', { headers, body: { id: 'a' }, tls: { ca: made.ca } });
  t.deepEqual([status, json], [200, { id: 'a' }]);
  t.is(upstream.calls.length, 1);
});

test('slow headers after an ignored upgrade end as any others', async (t) => {
  const { port } = await startGateway(t, PROTO, {}, { listen: { headersTimeout: '2s' } });
  const text = await exchange(t, port, [`GET /v1/a HTTP/1.1\r\nhost: x\r\n${H2C}\r\n`, 'GET /v1/b HTTP/1.1\r\nho'], 2);
  t.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 408']);
});

const curl = findCommand(['curl'], 'curl --http2 and curl -N', 'curl');

(curl === undefined ? test.skip : test)('curl --http2 gets a plain answer', async (t) => {
  const { url } = await startGateway(t, PROTO, ECHO);
  const run = async (...args: string[]) => (await execute(curl!, ['-sS', '--http2', ...args])).stdout;
  t.is(await run(`${url}/v1/a`), '{"id":"a"}');
  const made = await run('--json', '{"id":"b"}', `${url}/v1/q`, '-w', ' %{http_version} %{http_code}');
  t.is(made, '{"id":"b"} 1.1 200');
});

(curl === undefined ? test.skip : test)('curl -N shows lines as they are sent', async (t) => {
  let shown = '';
  /** Yields the next word when the one before it is on the screen. */
  async function* slowly() {
    for (const id of ['a', 'b', 'c']) {
      yield { id };
      await until(() => shown.includes(`"${id}"`));
    }
  }
  const { url } = await startGateway(t, PROTO, { Watch: () => ({ messages: slowly() }) });
  for (const type of ['application/x-ndjson', 'text/event-stream', 'application/json']) {
    const child = spawn(curl!, ['-sSN', '-H', `accept: ${type}`, `${url}/v1/q:watch`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    shown = '';
    child.stdout.on('data', (chunk) => {
      shown += chunk;
    });
    const [exitCode] = await once(child, 'close');
    t.is(exitCode, 0, type);
    t.regex(shown, /"a".*"b".*"c"/s, type);
  }
});

(curl === undefined ? test.skip : test)(
  'curl gets the answer to an upload over HTTP/2 that nobody reads',
  async (t) => {
    const { url } = await startGateway(t, PROTO, {}, { listen: { h2c: true } });
    const folder = await protoFolder(t, {});
    await writeFile(join(folder, 'upload'), Buffer.alloc(3 << 20));
    const upload = ['-sS', '--http2-prior-knowledge', '--data-binary', `@${join(folder, 'upload')}`];
    for (let i = 0; i < 10; i++) {
      const { stdout } = await execute(curl!, [...upload, `${url}/nowhere`, '-w', ' %{http_code}']);
      t.regex(stdout, /ROUTE_NOT_FOUND.* 404$/);
    }
  },
);

const java = findCommand(['java'], "JDK's HttpClient", 'default-jdk-headless');

/** The JDK's client asks for `h2c` with its first request, with a body or without. */
const JDK_CLIENT = `
import java.net.URI;
import java.net.http.*;
public class Client {
  public static void main(String[] args) throws Exception {
    HttpClient client = HttpClient.newHttpClient();
    HttpRequest.Builder to = HttpRequest.newBuilder(URI.create(args[0] + "/v1/q")).header("content-type", "application/json");
    for (HttpRequest request : new HttpRequest[] {
        to.POST(HttpRequest.BodyPublishers.ofString("{\\"id\\":\\"a\\"}")).build(),
        HttpRequest.newBuilder(URI.create(args[0] + "/v1/b")).build() }) {
      HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
      System.out.println(answer.version() + " " + answer.statusCode() + " " + answer.body());
    }
  }
}`;

(java === undefined ? test.skip : test)("JDK's HttpClient, which sends Upgrade: h2c, gets plain answers", async (t) => {
  const { url, upstream } = await startGateway(t, PROTO, ECHO);
  const folder = await protoFolder(t, {});
  await writeFile(join(folder, 'Client.java'), JDK_CLIENT);
  t.timeout(60_000);
  // The compiler of the JDK runs once, so it is not worth it to optimize it.
  const { stdout } = await execute(java!, ['-XX:TieredStopAtLevel=1', join(folder, 'Client.java'), url]);
  t.is(stdout, 'HTTP_1_1 200 {"id":"a"}\nHTTP_1_1 200 {"id":"b"}\n');
  t.is(upstream.calls.length, 2);
});

test('a request line that claims HTTP/2 is a 400', async (t) => {
  const { port } = await startGateway(t, PROTO, ECHO, { listen: { h2c: true } });
  const text = await exchange(t, port, ['GET /v1/a HTTP/2.0\r\nhost: x\r\n\r\n'], 1);
  t.regex(text, /^HTTP\/1\.1 400 [\s\S]*request line: expected HTTP\/1\.1, got HTTP\/2\.0/);
});
