/**
 * The mask of a PATCH, also for hostile bodies: it is read only from keys that the codec accepts, and not deeper than the
 * codec reads.
 */
import test from 'ava';
import { afterAll, startGateway } from '../support/gateway.js';

const PROTO = `package u.v1;
import "google/api/annotations.proto";
import "google/protobuf/field_mask.proto";
message All { string s = 1; All kid = 2; repeated string tags = 3; string displayName = 4; Color color = 5; }
enum Color { NONE = 0; RED = 1; }
message Update { string name = 1; All all = 2; google.protobuf.FieldMask mask = 3; }
service Things {
  rpc Change(Update) returns (All) { option (google.api.http) = { patch: "/v1/{name=things/*}" body: "all" }; }
}`;

const started = startGateway(afterAll(test), PROTO);
const nested = (open: string, depth: number) => `${open.repeat(depth)}{}${'}'.repeat(depth)}`;

test.serial('a field whose proto name is camelCase has that name in the mask', async (t) => {
  const { send, upstream } = await started;
  const body = { displayName: 'x', kid: { displayName: 'y' } };
  t.is((await send('PATCH', '/v1/things/1', { body })).status, 200);
  const { mask } = upstream.last().request as { mask: { paths: string[] } };
  t.deepEqual(mask.paths, ['displayName', 'kid.displayName']);
});

test('an ignored enum name unsets no field', async (t) => {
  const { send, upstream } = await startGateway(t, PROTO, {}, { json: { unknownFields: 'ignore' } });
  t.is((await send('PATCH', '/v1/things/1', { body: { s: 'x', color: 'PINK', kid: { color: 'RED' } } })).status, 200);
  t.deepEqual((upstream.last().request as { mask: object }).mask, { paths: ['s', 'kid.color'] });
});

test.serial('a body as deep as jsonDepth allows gives a mask', async (t) => {
  const { send, upstream } = await started;
  t.is((await send('PATCH', '/v1/things/1', { body: nested('{"kid":', 99) })).status, 200);
  const { mask } = upstream.last().request as { mask: { paths: string[] } };
  t.deepEqual(mask.paths, [Array(99).fill('kid').join('.')]);
});

test.serial('a body deeper than jsonDepth is 400 at once', async (t) => {
  const { send } = await started;
  for (const body of [nested('{"kid":', 10_000), nested('{"tags":[],"kid":', 4000)]) {
    const before = process.cpuUsage();
    const { status, json } = await send('PATCH', '/v1/things/1', { body });
    const { user } = process.cpuUsage(before);
    t.is(status, 400);
    t.regex(json.message, /at most 100 levels/);
    t.true(user < 150_000, `${user} us`);
  }
});
