/** Rules over an upload: a rule about the content type holds for all pieces, in whatever way they are sent. */
import test, { type ExecutionContext } from 'ava';
import { startGateway } from '../../support/gateway.js';
import type { RecordedCall } from '../../support/upstream.js';
import { openWebSocket } from '../../support/websocket.js';

const PROTO = `syntax = "proto3";
package up.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "protogate/v1/annotations.proto";
message File { string path = 1; google.api.HttpBody file = 2; int32 version = 3; }
message Total { int32 count = 1; }
service Up {
  rpc Upload(stream File) returns (Total) {
    option (google.api.http) = { post: "/v1/files/{path}" body: "file" };
    option (protogate.v1.policy) = {
      auth: { require: ["request.file.content_type = 'image/png'", "request.version = 2", "request.path = 'a'"] }
    };
  }
  rpc Raw(stream google.api.HttpBody) returns (Total) {
    option (google.api.http) = { post: "/v1/raw" body: "*" };
    option (protogate.v1.policy) = { auth: { require: "request.content_type = 'image/png'" } };
  }
}`;

const counted = async (call: RecordedCall) => {
  await Promise.race([call.whenHalfClosed, call.whenCancelled]);
  return { message: { count: call.requests.length } };
};
const start = (t: ExecutionContext) => startGateway(t, PROTO, { Upload: counted, Raw: counted });

for (const [what, path] of [
  ['a body field', '/v1/files/a?version=2'],
  ['the whole message', '/v1/raw'],
] as const) {
  test(`an upload whose content type is demanded comes whole, and no other type does: ${what}`, async (t) => {
    const { send, url, upstream } = await start(t);
    const body = Buffer.alloc(1_000_000, 'abc');
    const { status, text } = await send('POST', path, { body, headers: { 'content-type': 'image/png' } });
    t.is(status, 200, text);
    const pieces = (upstream.last().requests as Record<string, unknown>[]).map((message) => ({
      content: (message.file ?? message) as { content_type?: string; data: Buffer },
      version: message.version,
    }));
    t.true(pieces.length > 1);
    t.true(Buffer.concat(pieces.map(({ content }) => content.data)).equals(body));
    t.deepEqual(
      pieces.map(({ content }) => content.content_type),
      pieces.map((_, index) => (index === 0 ? 'image/png' : undefined)),
    );
    // A demanded number is in every piece.
    if (path.includes('version')) t.true(pieces.every(({ version }) => version === 2));

    const before = upstream.calls.length;
    for (const type of ['image/gif', 'image/png; x=1', ' ', undefined]) {
      const other = await send('POST', path, { body, headers: type === undefined ? {} : { 'content-type': type } });
      t.is(other.status, 403, type);
    }
    t.is(upstream.calls.length, before);

    const open = await openWebSocket(t, url, path, { headers: { 'content-type': 'image/png' } });
    for (const piece of ['a', 'b', 'c']) open.say(Buffer.from(piece));
    open.halfClose();
    t.is((await open.closed).code, 1000);
    t.is(upstream.last().requests.length, 3);
    const untyped = await openWebSocket(t, url, path);
    untyped.say(Buffer.from('a'));
    t.deepEqual(await untyped.closed, { code: 4007, reason: '[0]: the caller is not allowed to do this' });
    t.is(upstream.calls.length, before + 1);
  });
}
