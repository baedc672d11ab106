/** `explain` shows what the gateway would answer before it makes the call. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { protoFolder } from '../support/gateway.js';
import { protogate } from '../support/run.js';

const PROTO = `package a.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Q { string id = 1; }
service S {
  rpc Get(Q) returns (Q) { option (google.api.http) = { get: "/v1/x/{id}" }; }
  rpc Quick(Q) returns (Q) {
    option (google.api.http) = { get: "/v1/quick" };
    option (protogate.v1.policy) = { timeout: { seconds: 2 } };
  }
  rpc Watch(Q) returns (stream Q) { option (google.api.http) = { get: "/v1/watch" }; }
}
service Other { rpc Get(Q) returns (Q) { option (google.api.http) = { get: "/v1/other" }; } }`;

async function explainer(t: Parameters<typeof protoFolder>[0], config = '') {
  const folder = await protoFolder(t, { 'protos/a.proto': PROTO });
  await writeFile(join(folder, 'c.yaml'), `version: 1\nschema: { protos: [protos] }\n${config}`);
  return (method: string, path: string, ...headers: string[]) =>
    protogate(['explain', method, path, '-c', join(folder, 'c.yaml'), ...headers.flatMap((one) => ['-H', one])]);
}

test('explain negotiates the kind of a stream as the gateway does', async (t) => {
  const explain = await explainer(t);
  t.regex((await explain('GET', '/v1/watch')).stdout, /\nanswers +application\/json\n/);
  const events = await explain('GET', '/v1/watch', 'Accept: text/event-stream');
  t.regex(events.stdout, /\nanswers +text\/event-stream\n/);
  const html = await explain('GET', '/v1/watch', 'accept: text/html');
  t.is(html.exitCode, 1);
  t.regex(html.stdout, /\nerror +406 accept: expected one of application\/json, /);
  t.is((await explain('GET', '/v1/x/1', 'accept: text/html')).exitCode, 0);
});

test('explain shows the deadline that is the least, and whose it is', async (t) => {
  const explain = await explainer(t, 'limits: { requestTimeout: 20s }\n');
  const deadline = async (path: string, ...headers: string[]) =>
    /\ndeadline +(.*)\n/.exec((await explain('GET', path, ...headers)).stdout)?.[1];
  t.is(await deadline('/v1/x/1'), '20s (limits.requestTimeout)');
  t.is(await deadline('/v1/quick'), '2s (policy timeout)');
  t.is(await deadline('/v1/quick', 'x-request-timeout: 0.5'), '500ms (x-request-timeout)');
  t.is(await deadline('/v1/quick', 'x-request-timeout: 30'), '2s (policy timeout)');
  t.is(await deadline('/v1/watch'), 'none');
  t.is(await deadline('/v1/watch', 'grpc-timeout: 3S', 'x-request-timeout: 4'), '3s (grpc-timeout)');
});

test('explain refuses a timeout that is none, also one that was sent twice', async (t) => {
  const explain = await explainer(t);
  const seconds = await explain('GET', '/v1/x/1', 'x-request-timeout: x');
  t.is(seconds.exitCode, 1);
  t.regex(seconds.stdout, /\nerror +400 x-request-timeout: expected seconds such as 1\.5, got "x"\n/);
  t.regex(
    (await explain('GET', '/v1/x/1', 'grpc-timeout: x')).stdout,
    /error +400 grpc-timeout: expected a gRPC timeout/,
  );
  t.regex((await explain('GET', '/v1/x/1', 'grpc-timeout: 1S', 'grpc-timeout: 2S')).stdout, /got "1S, 2S"/);
});

test('explain OPTIONS says what the path allows, and exits 0', async (t) => {
  const explain = await explainer(t);
  const { exitCode, stdout } = await explain('OPTIONS', '/v1/x/1');
  t.is(stdout, 'OPTIONS /v1/x/1\nanswers   204 Allow: GET, HEAD, OPTIONS\n');
  t.is(exitCode, 0);
  t.regex(
    (await explain('DELETE', '/v1/x/1')).stdout,
    /error +405 method: expected one of GET, HEAD, OPTIONS, got DELETE/,
  );
  t.is((await explain('OPTIONS', '/nowhere')).exitCode, 1);
});

test('explain reports a route that no configured upstream serves', async (t) => {
  const explain = await explainer(t, 'upstreams: { a: { target: "127.0.0.1:1", services: [a.v1.S] } }\n');
  const other = await explain('GET', '/v1/other');
  t.is(other.exitCode, 1);
  t.regex(other.stdout, /\nunserved +GET \/v1\/other .*\n +not served: no upstream is configured for a\.v1\.Other\n/);
  t.regex(other.stdout, /\nerror +404 no route for GET \/v1\/other\n/);
  t.is((await explain('GET', '/v1/x/1')).exitCode, 0);
  t.is((await (await explainer(t))('GET', '/v1/other')).exitCode, 0);
});

test('a header that HTTP does not allow is wrong usage, and its value is not shown', async (t) => {
  const explain = await explainer(t);
  for (const header of ['a b: hidden', ': hidden', 'a: hidden\nb']) {
    const { exitCode, stderr } = await explain('GET', '/v1/x/1', header);
    t.is(exitCode, 2, header);
    t.regex(stderr, /^error: --header: expected .*\n$/);
  }
  t.notRegex((await explain('GET', '/v1/x/1', 'a b: hidden')).stderr, /hidden/);
});
