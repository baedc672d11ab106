/**
 * Measures what streams cost the gateway's process: memory of 1,000 open event streams, memory while 1 GB is downloaded and
 * uploaded as a stream of HttpBody, and CPU time per message of a stream of 10,000 as NDJSON. Fails if memory grows too
 * much.
 *
 *     npm run bench -- streams
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, get, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startUpstream } from '../test/support/upstream.js';
import { GATEWAY } from './process-cost.js';

const PROTO = `syntax = "proto3";
package bench.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
message Ask { string name = 1; }
message File { string name = 1; google.api.HttpBody content = 2; }
message Item { string name = 1; int64 number = 2; repeated string tags = 3; }
service Feed {
  rpc Watch(Ask) returns (stream Item) { option (google.api.http) = { get: "/v1/{name=feeds/*}" }; }
  rpc Follow(Ask) returns (stream Item) { option (google.api.http) = { get: "/v1/{name=lives/*}" }; }
  rpc Upload(stream File) returns (Ask) { option (google.api.http) = { put: "/v1/{name=files/*}" body: "content" }; }
  rpc Download(Ask) returns (stream google.api.HttpBody) { option (google.api.http) = { get: "/v1/{name=files/*}" }; }
}
`;
const STREAMS = 1000;
/** The most memory in MiB. If the whole gigabyte were kept, it would be a thousand. */
const MOST_MIB = { streams: 100, transfer: 128 };
const MESSAGES = 10_000;
const GIGABYTE = 1024 * 1024 * 1024;
const PIECE = Buffer.alloc(256 * 1024, 7);

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'protogate-bench-'));
  await writeFile(join(folder, 'bench.proto'), PROTO);
  await writeFile(join(folder, 'gateway.mjs'), GATEWAY);
  const item = { name: 'items/7', number: '340', tags: ['a', 'b', 'c'] };
  const upstream = await startUpstream(PROTO, {
    Watch: () => ({ messages: Array.from({ length: MESSAGES }, () => item) }),
    Follow: { messages: [item], hang: true },
    Upload: async (call) => {
      // The test server records every message; here the memory would grow with them.
      call.requestBytes.push = () => 0;
      await call.whenHalfClosed;
      return { message: {} };
    },
    Download: () => ({
      messages: Array.from({ length: GIGABYTE / PIECE.length }, () => ({ content_type: 'x/y', data: PIECE })),
    }),
  });
  const config = {
    version: 1,
    schema: { protos: [folder] },
    upstreams: { bench: { target: upstream.target } },
    log: { sample: 0 },
    limits: { bodyBytes: '1GiB' },
  };
  const entry = new URL('../src/index.js', import.meta.url).href;
  const child = fork(join(folder, 'gateway.mjs'), [entry, JSON.stringify(config)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const base = `http://127.0.0.1:${port}/v1`;

  await lines(`${base}/feeds/1`);
  const before = await used(child);
  await lines(`${base}/feeds/1`);
  const after = await used(child);
  say(`a message as NDJSON, of ${MESSAGES}`, `${((after.cpu - before.cpu) / MESSAGES).toFixed(2)} µs CPU`);

  const idle = await used(child);
  const agent = new Agent({ maxSockets: STREAMS });
  const open = await Promise.all(
    Array.from({ length: STREAMS }, () => opened(`${base}/lives/1`, 'text/event-stream', agent)),
  );
  await new Promise((resolve) => setTimeout(resolve, 500));
  const full = await used(child);
  bounded(`${STREAMS} open event streams`, full.rss - idle.rss, MOST_MIB.streams);
  for (const response of open) response.destroy();
  agent.destroy();
  await new Promise((resolve) => setTimeout(resolve, 500));

  const start = await used(child);
  let most = 0;
  let size = 0;
  const timer = setInterval(async () => {
    most = Math.max(most, (await used(child)).rss);
  }, 200);
  for await (const chunk of await opened(`${base}/files/1`, '*/*')) size += (chunk as Buffer).length;
  clearInterval(timer);
  if (size !== GIGABYTE) throw new Error(`expected ${GIGABYTE} bytes, got ${size}`);
  bounded('a download of 1 GiB', most - start.rss, MOST_MIB.transfer);

  const beforeUpload = await used(child);
  most = 0;
  const watching = setInterval(async () => {
    most = Math.max(most, (await used(child)).rss);
  }, 200);
  await upload(`${base}/files/1`);
  clearInterval(watching);
  bounded('an upload of 1 GiB', most - beforeUpload.rss, MOST_MIB.transfer);

  child.kill();
  await upstream.close().catch(() => {});
  await rm(folder, { recursive: true });
}

async function upload(url: string): Promise<void> {
  const sent = request(url, {
    method: 'PUT',
    headers: { 'content-type': 'x/y', 'content-length': GIGABYTE },
    agent: false,
  });
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  for (let i = 0; i < GIGABYTE / PIECE.length; i++) if (!sent.write(PIECE)) await once(sent, 'drain');
  sent.end();
  const [{ statusCode }] = await answered;
  if (statusCode !== 200) throw new Error(`expected 200, got ${statusCode}`);
}

async function lines(url: string): Promise<void> {
  let text = '';
  for await (const chunk of await opened(url, 'application/x-ndjson')) text += chunk;
  const count = text.split('\n').length - 1;
  if (count !== MESSAGES) throw new Error(`expected ${MESSAGES} lines, got ${count}`);
}

function opened(url: string, accept: string, agent?: Agent): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(url, { headers: { accept }, agent: agent ?? false }, resolve).on('error', reject);
  });
}

async function used(child: ChildProcess): Promise<{ cpu: number; rss: number }> {
  child.send({});
  const [{ cpu, rss }] = (await once(child, 'message')) as [{ cpu: { user: number; system: number }; rss: number }];
  return { cpu: cpu.user + cpu.system, rss };
}

function bounded(what: string, bytes: number, mostMiB: number): void {
  const mebibytes = bytes / 1024 / 1024;
  say(what, `${mebibytes.toFixed(1)} MiB more (at most ${mostMiB})`);
  if (mebibytes > mostMiB) process.exitCode = 1;
}

function say(what: string, figure: string): void {
  process.stdout.write(`${what.padEnd(34)} ${figure.padStart(30)}\n`);
}

await main();
