/**
 * Measures what a request costs and what each stage adds: the CPU time that the gateway's process reports (user and system)
 * per unary GET, over 32 connections (`--connections`), in rounds that take the rows in turn. With `--against DIR` the
 * public route of another built checkout has rows as well; `--public` leaves the other stages out; `--transports
 * http2,lean` measures these transports instead of the stages:
 *
 *     npm run bench -- request --against ../protogate-before --public --rounds 10 2>/tmp/log
 *
 * The gateways write their log to standard error, so it should be a file, and not a terminal.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startIssuer } from '../test/support/issuer.js';
import { startReceiver } from '../test/support/otlp.js';
import { startRedis, withoutRedis } from '../test/support/redis.js';
import { ROOT } from '../test/support/run.js';
import { startUpstream } from '../test/support/upstream.js';
import { flag } from './flag.js';
import { type CostRow, compareCosts, GATEWAY } from './process-cost.js';

const LOAD = { requests: 6000, connections: Number(flag('--connections') ?? 32) };

const PROTO = `syntax = "proto3";
package bench.v1;
import "google/api/annotations.proto";
message Ask { string name = 1; }
message Shelf { string name = 1; string theme = 2; int64 books = 3; repeated string tags = 4; }
service Library { rpc GetShelf(Ask) returns (Shelf) { option (google.api.http) = { get: "/v1/{name=shelves/*}" }; } }
`;

const LOGGING = { log: { format: 'json', sample: 1 } };

async function main(): Promise<void> {
  const cleanup: (() => void | Promise<void>)[] = [];
  const t = { teardown: (task: () => void | Promise<void>) => void cleanup.push(task) };
  const folder = await mkdtemp(join(tmpdir(), 'protogate-bench-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'bench.proto'), PROTO);
  await writeFile(join(folder, 'gateway.mjs'), GATEWAY);
  const message = {
    name: 'shelves/7',
    theme: 'Poetry',
    books: '340',
    tags: Array.from({ length: 20 }, (_, i) => `tag-${i}`),
  };
  const upstream = await startUpstream(PROTO, { GetShelf: { message } }, { keepsCalls: false });
  const issuer = await startIssuer(t, 'bench');
  const receiver = await startReceiver(t);
  const config = {
    version: 1,
    schema: { protos: [folder] },
    upstreams: { bench: { target: upstream.target } },
    log: { sample: 0 },
  };
  const jwt = [{ issuer: issuer.issuer, jwksUri: issuer.jwksUri, audiences: ['api'], algorithms: ['RS256'] }];
  const token = { authorization: `Bearer ${issuer.sign({ sub: 'ada', exp: Math.floor(Date.now() / 1000) + 3600 })}` };
  const row = (name: string, root: string, extra: object, headers: CostRow['headers'] = {}): CostRow => {
    const entry = pathToFileURL(join(root, 'dist/src/index.js')).href;
    const args = [entry, JSON.stringify({ ...config, ...extra })];
    return { ...LOAD, name, script: join(folder, 'gateway.mjs'), args, path: '/v1/shelves/7', headers };
  };
  const against = flag('--against');
  const before = resolve(against ?? '');
  const redis = withoutRedis === undefined ? await startRedis(t) : undefined;
  const limited = (per: readonly string[]) => ({
    policies: [{ selector: '*', rateLimits: [{ limit: 1_000_000_000, period: '1h', per }] }],
  });
  const cached = (scope: string) => ({ policies: [{ selector: '*', cache: { ttl: '1h', scope } }] });
  const stores = redis === undefined ? undefined : { stores: { redis: { url: redis.url } } };
  const stages = [
    row('public, with an auth block', ROOT, { auth: { default: 'public', jwt } }),
    row('a token seen before', ROOT, { auth: { jwt } }, token),
    row('a limit by address', ROOT, limited(['ip'])),
    row('… and by consumer, with a token', ROOT, { auth: { jwt }, ...limited(['ip', 'consumer']) }, token),
    ...(stores === undefined ? [] : [row('a limit by address, in Redis', ROOT, { ...limited(['ip']), ...stores })]),
    row('kept answer, public', ROOT, cached('public')),
    row('kept answer, with a token', ROOT, { auth: { jwt }, ...cached('consumer') }, token),
    ...(stores === undefined ? [] : [row('kept answer, in Redis', ROOT, { ...cached('public'), ...stores })]),
  ];
  const over = (transport: string) => {
    return row(`over ${transport}`, ROOT, { upstreams: { bench: { target: upstream.target, transport } } });
  };
  const rows = flag('--transports')?.split(',').map(over) ?? [
    ...(against === undefined
      ? []
      : [row('public, before', before, {}), row('public, with the log, before', before, LOGGING)]),
    row('public', ROOT, {}),
    row('public, with the log', ROOT, LOGGING),
    row('… and traces of 1 %', ROOT, { ...LOGGING, tracing: { otlp: receiver.url, sample: 0.01 } }),
    ...(process.argv.includes('--public') ? [] : stages),
  ];
  await compareCosts(rows, Number(flag('--rounds') ?? 3));
  for (const task of cleanup.reverse()) await task();
  await upstream.close().catch(() => {});
}

await main();
