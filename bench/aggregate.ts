/**
 * Measures what an aggregate costs: the CPU time of the process for a page of five calls, compared with a single call
 * through the same gateway, and with the same page written by hand in Koa with grpc-js. Also measures how long pages take
 * whose calls take 50 ms, one request at a time.
 *
 *     npm run bench -- aggregate --rounds 5
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sendTo } from '../test/support/gateway.js';
import { type Handlers, startUpstream } from '../test/support/upstream.js';
import { flag } from './flag.js';
import { type CostRow, compareCosts, GATEWAY } from './process-cost.js';
import { median, medianRatio } from './rounds.js';

const LOAD = { headers: {}, requests: 3000, connections: 32 };
const PAGES = 200;

const PROTO = `syntax = "proto3";
package bench.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { string name = 1; repeated string names = 2; }
message Shelf { string name = 1; string theme = 2; int64 books = 3; repeated string tags = 4; }
service Library { rpc GetShelf(Ask) returns (Shelf) { option (google.api.http) = { get: "/v1/{name=shelves/*}" }; } }
message Page { Shelf a = 1; Shelf b = 2; Shelf c = 3; Shelf d = 4; Shelf e = 5; repeated Shelf all = 6; }
service Pages {
  rpc GetFive(Ask) returns (Page) {
    option (google.api.http) = { get: "/v1/{name=shelves/*}/five" };
    option (protogate.v1.aggregate) = {
${[...'abcde'].map((field) => `      steps: { into: "${field}" call: "bench.v1.Library/GetShelf" with: "name = '{request.name}${field}'" }`).join('\n')}
    };
  }
  rpc GetChain(Ask) returns (Page) {
    option (google.api.http) = { get: "/v1/{name=shelves/*}/chain" };
    option (protogate.v1.aggregate) = {
      steps: { into: "a" call: "bench.v1.Library/GetShelf" with: "name = request.name" }
      steps: { into: "b" call: "bench.v1.Library/GetShelf" with: "name = a.theme" }
      steps: { into: "c" call: "bench.v1.Library/GetShelf" with: "name = b.theme" }
    };
  }
  rpc GetAll(Ask) returns (Page) {
    option (google.api.http) = { get: "/v1/{name=shelves/*}/all" };
    option (protogate.v1.aggregate) = {
      steps: { into: "all" call: "bench.v1.Library/GetShelf" for_each: "request.names" with: "name = each" max_items: 20 concurrency: 10 }
    };
  }
}
`;

/** The page of five calls as a team would write it, with proto-loader's clients, Promise.all and JSON. */
const BY_HAND = `
import { createServer } from 'node:http';
import { credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import Router from '@koa/router';
import Koa from 'koa';
const [folder, target, include] = process.argv.slice(2);
const definition = loadSync('bench.proto', { includeDirs: [folder, ...include.split(',')], longs: String, enums: String });
const library = new (loadPackageDefinition(definition).bench.v1.Library)(target, credentials.createInsecure());
const call = (request) => new Promise((resolve, reject) => {
  library.getShelf(request, { deadline: Date.now() + 30_000 }, (error, shelf) => (error ? reject(error) : resolve(shelf)));
});
const router = new Router();
router.get('/v1/shelves/:shelf/five', async (ctx) => {
  const name = 'shelves/' + ctx.params.shelf;
  const [a, b, c, d, e] = await Promise.all([...'abcde'].map((field) => call({ name: name + field })));
  ctx.body = { a, b, c, d, e };
});
const server = createServer(new Koa().use(router.routes()).callback()).listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('message', () => process.send({ cpu: process.cpuUsage() }));
`;

async function main(): Promise<void> {
  const rounds = Number(flag('--rounds') ?? 3);
  const here = fileURLToPath(new URL('../../', import.meta.url));
  // The folder is inside the checkout, so that the script by hand finds its libraries.
  const folder = await mkdtemp(join(here, 'dist', 'bench-aggregate-'));
  try {
    await writeFile(join(folder, 'bench.proto'), PROTO);
    await writeFile(join(folder, 'gateway.mjs'), GATEWAY);
    await writeFile(join(folder, 'by-hand.mjs'), BY_HAND);
    await costs(folder, here, rounds);
    await latencies(folder, here);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const MESSAGE = {
  name: 'shelves/7',
  theme: 'Poetry',
  books: '340',
  tags: Array.from({ length: 20 }, (_, i) => `tag-${i}`),
};

async function costs(folder: string, here: string, rounds: number): Promise<void> {
  const upstream = await startUpstream(PROTO, { GetShelf: { message: MESSAGE } }, { keepsCalls: false });
  const gateway = [new URL('src/index.js', `file://${here}dist/`).href, configOf(folder, upstream.target)];
  const include = [join(here, 'protos'), join(here, 'node_modules/protobufjs')].join(',');
  const row = (name: string, script: string, args: readonly string[], path: string): CostRow => {
    return { ...LOAD, name, script: join(folder, script), args, path };
  };
  const [aggregate, byHand] = ['an aggregate of five', 'the same by hand'];
  const results = await compareCosts(
    [
      row('a single call', 'gateway.mjs', gateway, '/v1/shelves/7'),
      row(aggregate, 'gateway.mjs', gateway, '/v1/shelves/7/five'),
      row(byHand, 'by-hand.mjs', [folder, upstream.target, include], '/v1/shelves/7/five'),
    ],
    rounds,
  );
  const ratio = medianRatio(results.get(aggregate)!, results.get(byHand)!);
  process.stdout.write(`${aggregate.padEnd(34)}  ${ratio.toFixed(2)} × ${byHand} (median of rounds)\n`);
  await upstream.close().catch(() => {});
}

async function latencies(folder: string, here: string): Promise<void> {
  const delayed: Handlers = { GetShelf: { message: MESSAGE, delayMs: 50 } };
  const upstream = await startUpstream(PROTO, delayed, { keepsCalls: false });
  const { createGateway } = (await import(
    new URL('src/index.js', `file://${here}dist/`).href
  )) as typeof import('../src/index.js');
  const gateway = await createGateway(JSON.parse(configOf(folder, upstream.target)));
  const { createServer } = await import('node:http');
  const server = createServer(gateway.callback());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const names = Array.from({ length: 20 }, (_, i) => `names=${i}`).join('&');
  for (const [name, path] of [
    ['five of 50 ms, at once', '/v1/shelves/7/five'],
    ['a chain of three of 50 ms', '/v1/shelves/7/chain'],
    ['for_each of 20, ten at once', `/v1/shelves/7/all?${names}`],
  ] as const) {
    const times: number[] = [];
    for (let i = 0; i < PAGES; i++) {
      const startedAt = performance.now();
      const { status } = await sendTo(url, 'GET', path);
      if (status !== 200) throw new Error(`${path}: expected 200, got ${status}`);
      times.push(performance.now() - startedAt);
    }
    process.stdout.write(`${name.padEnd(34)} ${median(times).toFixed(1).padStart(7)} ms, median of ${PAGES}\n`);
  }
  server.close();
  await gateway.close();
  await upstream.close().catch(() => {});
}

function configOf(folder: string, target: string): string {
  const upstreams = { bench: { target, services: ['bench.v1.Library'] } };
  return JSON.stringify({ version: 1, schema: { protos: [folder] }, upstreams, log: { sample: 0 } });
}

await main();
