/** The log lines and answers that docs/troubleshooting.md quotes are those of a gateway with a broken upstream. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createSecureServer } from 'node:http2';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { certificates } from './support/certificates.js';
import { startGateway } from './support/gateway.js';
import { freePort } from './support/ports.js';
import { LIBRARY } from './support/protos.js';
import { protogate, ROOT } from './support/run.js';
import { until } from './support/until.js';

const text = readFileSync(join(ROOT, 'docs/troubleshooting.md'), 'utf8');
const { server: certificate } = certificates();

interface Upstream {
  readonly target: string;
  readonly tls?: object;
}

interface Listening {
  listen(port: number, host: string, done: () => void): unknown;
  address(): unknown;
  close(done: () => void): unknown;
}

async function listening(t: { teardown(task: () => Promise<void>): void }, server: Listening): Promise<string> {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => new Promise((resolve) => void server.close(() => resolve())));
  return `127.0.0.1:${(server.address() as { port: number }).port}`;
}

function speakHttp1(socket: Socket): void {
  socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).on('error', () => {});
}

const UPSTREAMS: Readonly<Record<string, (t: { teardown(task: () => Promise<void>): void }) => Promise<Upstream>>> = {
  'connect ECONNREFUSED': async () => ({ target: `127.0.0.1:${await freePort()}` }),
  'expected HTTP/2 from the upstream, got no HTTP/2 frame; if the server speaks TLS, add tls: {} to the upstream; otherwise check that the target is the port of a gRPC server':
    async (t) => ({
      target: await listening(t, createServer(speakHttp1)),
    }),
  'the certificate of the server is signed by an authority that is not trusted; name the authority in tls.ca of the upstream':
    async (t) => ({
      target: await listening(t, createSecureServer(certificate)),
      tls: {},
    }),
  'expected TLS from the upstream, got plaintext; remove tls from the upstream, or turn on TLS at the server': async (
    t,
  ) => ({
    target: await listening(t, createServer(speakHttp1)),
    tls: {},
  }),
};

for (const [cause, upstreamOf] of Object.entries(UPSTREAMS)) {
  test(`an upstream that cannot be reached, in the log: ${cause}`, async (t) => {
    t.true(text.includes(cause));
    const broken = await upstreamOf(t);
    const { send, logged } = await startGateway(
      t,
      LIBRARY,
      {},
      { upstreams: { test: { ...broken, services: ['*'] } } },
    );
    const { status, json } = await send('GET', '/v1/shelves/1');
    t.is(status, 503);
    t.true(json.message.startsWith('the service is unavailable'));
    await until(() => logged().some(({ err }) => JSON.stringify(err ?? '').includes(cause)), JSON.stringify(logged()));
  });
}

test('texts of an upstream that a client does not see', async (t) => {
  const answers = { 2: 'the service failed', 12: 'the service does not implement this method' };
  const { send, upstream } = await startGateway(t, LIBRARY);
  for (const [code, message] of Object.entries(answers)) {
    upstream.script('GetShelf', { status: { code: Number(code), message: 'at 10.0.0.1' } });
    const { status, json } = await send('GET', '/v1/shelves/1');
    t.true(json.message.startsWith(message));
    t.true(text.includes(`## ${status}: ${message}\n`));
  }
});

test('a port that is in use', async (t) => {
  const taken = createServer();
  const target = await listening(t, taken);
  const port = target.split(':')[1]!;
  const args = ['serve', '--protos', join(ROOT, 'protos/google'), '--upstream', '127.0.0.1:1', '--admin-port', '0'];
  const { stderr } = await protogate([...args, '--port', port]);
  t.true(stderr.includes(`port ${target} is already in use`), stderr);
  t.true(text.includes('port 127.0.0.1:8080 is already in use'));
});

test('the messages of tokens are those of the code', async (t) => {
  const folder = join(ROOT, 'src/policy/access');
  const code = (
    await Promise.all(['jwt.ts', 'resource.ts'].map((name) => readFile(join(folder, name), 'utf8')))
  ).join();
  const quoted = [...text.matchAll(/^\| `token: (.+?)` +\|/gm)].map(([, message = '']) => message);
  t.is(quoted.length, 5);
  t.deepEqual(
    quoted.filter((message) => !code.includes(message)),
    [],
  );
});
