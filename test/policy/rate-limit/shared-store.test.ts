/** Several gateways that share a Redis, as clients see them. */
import test from 'ava';
import { handClock } from '../../support/clock.js';
import { startGateway } from '../../support/gateway.js';
import { anyRedis, startRedis, withoutOwnRedis, withoutRedis } from '../../support/redis.js';

const withRedis = withoutRedis === undefined ? test.serial : test.skip;
const withOwnRedis = withoutOwnRedis === undefined ? test.serial : test.skip;
/** The name is unique, because a server that other programs use holds their counters too. */
const PACKAGE = `acme${Date.now()}.v1`;

const PROTO = `package ${PACKAGE};
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { string id = 1; }
message Reply { string text = 1; }
service Notes {
  rpc Limited(Ask) returns (Reply) {
    option (google.api.http) = { get: "/v1/limited/{id}" };
    option (protogate.v1.policy) = { rate_limits: { limit: 100 period: { seconds: 3600 } per: PER_IP } };
  }
  rpc Kept(Ask) returns (Reply) {
    option (google.api.http) = { get: "/v1/kept/{id}" };
    option (protogate.v1.policy) = { cache: { ttl: { seconds: 60 } } };
  }
}`;

withRedis('500 parallel requests over a limit of 100 with four gateways on one Redis: exactly 100 pass', async (t) => {
  const redis = await anyRedis(t);
  const overrides = {
    stores: { redis: { url: redis.url } },
    rateLimiting: { onStoreFailure: 'closed' as const },
  };
  // Their clock stands still: on a busy machine Redis may answer later than a gateway waits for it.
  const options = { clock: handClock() };
  const gateways = await Promise.all([1, 2, 3, 4].map(() => startGateway(t, PROTO, {}, overrides, options)));
  const answers = await Promise.all(
    Array.from({ length: 500 }, (_, i) => gateways[i % 4]!.send('GET', `/v1/limited/${i}`)),
  );
  const statuses = answers.map(({ status }) => status);
  const count = (status: number) => statuses.filter((one) => one === status).length;
  t.deepEqual([count(200), count(429), count(503)], [100, 400, 0]);
  t.is(
    gateways.reduce((calls, { upstream }) => calls + upstream.calls.length, 0),
    100,
  );
});

withOwnRedis('what one gateway has fetched another one answers; without the store both ask the upstream', async (t) => {
  const redis = await startRedis(t);
  const overrides = { stores: { redis: { url: redis.url } } };
  const one = await startGateway(t, PROTO, { Kept: { message: { text: 'one' } } }, overrides);
  const two = await startGateway(t, PROTO, { Kept: { message: { text: 'two' } } }, overrides);
  t.is((await one.send('GET', '/v1/kept/1')).headers['cache-status'], 'protogate; fwd=miss');
  const { json, headers } = await two.send('GET', '/v1/kept/1');
  t.deepEqual([json.text, headers['cache-status']], ['one', 'protogate; hit']);
  await redis.kill();
  const bypassed = await two.send('GET', '/v1/kept/1');
  t.deepEqual([bypassed.json.text, bypassed.headers['cache-status']], ['two', 'protogate; fwd=bypass']);
  t.is(bypassed.headers.age, undefined);
});
