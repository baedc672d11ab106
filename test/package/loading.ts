/**
 * A program of a user that finds modules that are loaded after the gateway is there. It prints the status of a request and
 * these modules as JSON. Its config needs the packages that only some configs need: grpc-js, koa-jwt and OpenTelemetry.
 */
export const LOADING = `import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire, register } from 'node:module';
import { MessageChannel } from 'node:worker_threads';

const { port1, port2 } = new MessageChannel();
const hooks = \`let port;
export function initialize(given) { port = given; }
export async function resolve(name, context, next) {
  const found = await next(name, context);
  port.postMessage(found.url);
  return found;
}\`;
register('data:text/javascript,' + encodeURIComponent(hooks), { data: port2, transferList: [port2] });
const imported = [];
port1.on('message', (url) => imported.push(url));
const { cache } = createRequire(import.meta.url);

const secret = 'a secret of the issuer, 32 bytes or more';
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const payload = { iss: 'https://issuer', aud: 'library', sub: 'ada', exp: Math.ceil(Date.now() / 1000) + 600 };
const signed = encode({ alg: 'HS256' }) + '.' + encode(payload);
const token = signed + '.' + createHmac('sha256', secret).update(signed).digest('base64url');

const { createGateway } = await import('protogate');
const gateway = await createGateway({
  version: 1,
  schema: { protos: ['protos'] },
  upstreams: { library: { target: '127.0.0.1:1', services: ['*'], transport: 'grpc-js' } },
  auth: { jwt: [{ issuer: 'https://issuer', audiences: ['library'], secret }] },
  tracing: { otlp: 'http://127.0.0.1:1', sample: 1 },
});
const server = createServer(gateway.callback()).listen(0, '127.0.0.1', async () => {
  // The messages of what was imported so far come first.
  await import('node:test').then(() => new Promise((resolve) => setTimeout(resolve, 50)));
  const required = new Set(Object.keys(cache));
  const packages = [...required, ...imported].join(' ');
  imported.length = 0;
  const url = 'http://127.0.0.1:' + server.address().port + '/v1/shelves/7';
  const { status } = await fetch(url, { headers: { authorization: 'Bearer ' + token } });
  await new Promise((resolve) => setTimeout(resolve, 50));
  const later = [...Object.keys(cache).filter((path) => !required.has(path)), ...imported];
  const missing = ['@grpc/grpc-js', 'koa-jwt', '@opentelemetry/sdk-trace-base'].filter((name) => !packages.includes('/' + name + '/'));
  process.stdout.write(JSON.stringify({ status, later, missing }));
  process.exit();
});
`;
