/** Several upstreams are named by flags alone. */
import test from 'ava';
import { protoFolder, sendTo } from '../support/gateway.js';
import { protogate, serving } from '../support/run.js';
import { startUpstream } from '../support/upstream.js';

const HEAD = 'syntax = "proto3"; import "google/api/annotations.proto";';
const PROTOS = {
  'garden.proto': `${HEAD} package garden.v1; message M { string id = 1; }
    service Beds { rpc Get(M) returns (M) { option (google.api.http) = { get: "/beds/{id}" }; } }`,
  'shop.proto': `${HEAD} package shop.v1; message M { string id = 1; }
    service Orders { rpc Get(M) returns (M) { option (google.api.http) = { get: "/orders/{id}" }; } }`,
};

/** No upstream serves an aggregate, and it is served all the same. */
const PAGE = `syntax = "proto3"; package pages.v1; import "garden.proto";
  import "google/api/annotations.proto"; import "protogate/v1/annotations.proto";
  service Pages { rpc GetPage(garden.v1.M) returns (garden.v1.M) {
    option (google.api.http) = { get: "/page/{id}" };
    option (protogate.v1.aggregate) = { steps: { into: "id" call: "garden.v1.Beds/Get" with: "id = request.id" take: "id" } };
  } }`;

test('one upstream for a package and one for the rest, by two flags', async (t) => {
  const folder = await protoFolder(t, { ...PROTOS, 'pages.proto': PAGE });
  const garden = await startUpstream(PROTOS, { Get: { message: { id: 'garden' } } });
  t.teardown(garden.close);
  const rest = await startUpstream(PROTOS, { Get: { message: { id: 'rest' } } });
  t.teardown(rest.close);
  const upstreams = ['--upstream', `garden.v1.*=${garden.target}`, '--upstream', rest.target];
  const flags = ['--protos', folder, ...upstreams, '--port', '0', '--admin-port', '0'];
  const { url, line, stop } = await serving(['serve', ...flags]);
  t.teardown(() => void stop());
  t.regex(line, /: 3 routes of 3 services$/);
  t.deepEqual((await sendTo(url, 'GET', '/page/1')).json, { id: 'garden' });
  t.deepEqual((await sendTo(url, 'GET', '/beds/1')).json, { id: 'garden' });
  t.deepEqual((await sendTo(url, 'GET', '/orders/1')).json, { id: 'rest' });
  t.is(await stop(), 0);
});

const unused: readonly (readonly [name: string, hint: string])[] = [
  ['garden', ", did you mean 'garden.*'?"],
  ['garden.v1', ", did you mean 'garden.v1.*'?"],
  ['gardn.v1.*', ", did you mean 'garden.v1.*'?"],
  ['zoo.v1.Cages', ''],
];
for (const [name, hint] of unused) {
  test(`an upstream that serves nothing is a warning: ${name}`, async (t) => {
    const folder = await protoFolder(t, PROTOS);
    const { stdout } = await protogate(['check', '--protos', folder, '--upstream', `${name}=a:1`, '--upstream', 'b:1']);
    const text = `upstreams.${name}: expected a selector of a service with routes, got ${name}${hint} [unused-upstream]`;
    t.deepEqual(
      stdout.split('\n').filter((line) => line.includes('unused-upstream')),
      [`--upstream ${name}=a:1: warning: ${text}`],
    );
  });
}
