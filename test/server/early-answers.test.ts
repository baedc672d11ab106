/** HTTP/2 clients that get their answer before they have sent everything, and go on sending. */
import { once } from 'node:events';
import { connect } from 'node:http2';
import test from 'ava';
import { startGateway } from '../support/gateway.js';
import { until } from '../support/until.js';

const PROTO = `package m.v1;
import "google/api/annotations.proto";
message Item { int32 n = 1; string text = 2; }
service S { rpc Upload(stream Item) returns (Item) { option (google.api.http) = { post: "/v1/uploads" body: "*" }; } }`;

for (const [what, bytes] of [
  ['a little more', 10],
  ['more than is read at once', 60_000],
] as const) {
  test(`an HTTP/2 client that sends ${what} behind its answer leaves no request and no connection behind`, async (t) => {
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const refusal = async () => {
      await answered;
      return { status: { code: 7, message: 'no more' } };
    };
    const { url, gateway, connections, upstream } = await startGateway(
      t,
      PROTO,
      { Upload: refusal },
      { listen: { h2c: true } },
    );
    const session = connect(url);
    t.teardown(() => session.destroy());
    const headers = { ':method': 'POST', ':path': '/v1/uploads', 'content-type': 'application/x-ndjson' };
    const stream = session.request(headers).on('error', () => {});
    stream.write('{"n":1}\n');
    await until(() => upstream.calls.length === 1, 'the call');
    answer();
    const [{ ':status': status }] = (await once(stream, 'response')) as [{ ':status': number }];
    t.is(status, 403);
    stream.resume();
    stream.write(`${'x'.repeat(bytes)}\n`);
    await once(stream, 'close');
    session.close();
    await until(() => gateway.snapshots.inFlight === 0, 'the end of the request');
    await until(() => connections.size === 0, 'the end of the connection');
  });
}
