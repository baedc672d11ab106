/** Several processes on one port: they answer alike, share their counters, and are replaced when they end. */
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { afterAll, protoFolder, sendTo, type Teardown } from '../support/gateway.js';
import { http2Client } from '../support/http2.js';
import { freePort } from '../support/ports.js';
import { childrenOf, isReplaced } from '../support/processes.js';
import { protogate, protogateAlone, serving } from '../support/run.js';
import { HANG_MS, until } from '../support/until.js';
import { type Handlers, startUpstream } from '../support/upstream.js';
import { openWebSocket } from '../support/websocket.js';

const PROTO = `package acme.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { string id = 1; }
message Reply { string text = 1; }
service Notes {
  rpc Get(Ask) returns (Reply) { option (google.api.http) = { get: "/v1/notes/{id}" }; }
  rpc Follow(Ask) returns (stream Reply) { option (google.api.http) = { get: "/v1/notes/{id}:follow" }; }
  rpc Limited(Ask) returns (Reply) {
    option (google.api.http) = { get: "/v1/limited/{id}" };
    option (protogate.v1.policy) = {
      rate_limits: { limit: 1000 period: { seconds: 3600 } per: PER_IP }
      rate_limits: { limit: 100 period: { seconds: 3600 } }
    };
  }
}`;

async function start(t: Teardown, workers: string, handlers: Handlers = {}, grace = '200ms') {
  const upstream = await startUpstream(PROTO, handlers);
  const folder = await protoFolder(t, PROTO);
  const adminPort = await freePort();
  const config = join(folder, 'protogate.yaml');
  await writeFile(config, `version: 1\nlisten: { h2c: true }\ndrain: { grace: ${grace}, timeout: 50s }\n`);
  const flags = ['--protos', folder, '--upstream', upstream.target, '--port', '0', '--admin-port', String(adminPort)];
  const server = await serving(['serve', '--config', config, ...flags, '--workers', workers]);
  t.teardown(async () => {
    await server.stop();
    await upstream.close();
  });
  const admin = `http://127.0.0.1:${adminPort}`;
  const ready = async () => (await sendTo(admin, 'GET', '/readyz')).json;
  return { ...server, upstream, folder, admin, ready };
}

const shared = afterAll(test);
let two: ReturnType<typeof start> | undefined;

/** Returns the gateway with two workers that all tests share which leave it as they found it. */
function twoWorkers(handlers: Handlers = {}): ReturnType<typeof start> {
  two ??= start(shared, '2');
  return two.then((server) => {
    for (const method of ['Get', 'Follow']) server.upstream.script(method, handlers[method] ?? {});
    return server;
  });
}

/** Resolves to the status of a GET on a connection of the agent. */
function statusOf(url: string, agent: Agent): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (res) => void res.resume().on('end', () => resolve(res.statusCode))).on('error', reject);
  });
}

test.serial(
  '500 parallel requests over a limit of 100 with two workers: exactly 100 pass, and count for no other limit',
  async (t) => {
    const server = await twoWorkers();
    const before = server.upstream.calls.length;
    t.regex(server.line, /^listening on http:\/\/127\.0\.0\.1:\d+: 3 routes of 1 service$/);
    const answers = await Promise.all(
      Array.from({ length: 500 }, (_, i) => sendTo(server.url, 'GET', `/v1/limited/${i}`)),
    );
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    t.deepEqual([count(200), count(429)], [100, 400]);
    t.is(server.upstream.calls.length - before, 100);
    t.true(
      await until(async () =>
        (await sendTo(server.admin, 'GET', '/metrics')).text.includes('{decision="refused"} 400'),
      ),
    );
    const { text } = await sendTo(server.admin, 'GET', '/metrics');
    t.regex(text, /protogate_ratelimit_decisions_total\{decision="admitted"\} \d+\n/);
    t.is((await server.ready()).workers, 2);
    t.regex((await server.ready()).upstreams.default.state, /ready/);
    t.is((await sendTo(server.admin, 'GET', '/routes')).json.length, 3);
  },
);

test.serial('a worker that is killed under load is replaced, though the protos are gone', async (t) => {
  const server = await twoWorkers();
  await rm(server.folder, { recursive: true });
  const before = childrenOf(server.pid);
  t.is(before.length, 2);
  let failed = 0;
  let answered = 0;
  let going = true;
  const load = Array.from({ length: 8 }, async () => {
    while (going) {
      const { status } = await sendTo(server.url, 'GET', '/v1/notes/1').catch(() => ({ status: 0 }));
      if (status === 200) answered++;
      else failed++;
      await sleep(2);
    }
  });
  try {
    await sleep(300);
    process.kill(before[0]!, 'SIGKILL');
    t.true(await until(() => isReplaced(server.pid, before[0]!, 2)));
    t.true(await until(async () => (await server.ready()).workers === 2));
    const soFar = answered;
    t.true(await until(() => answered > soFar + 100));
  } finally {
    going = false;
    await Promise.all(load);
  }
  t.true(failed <= 8, `${failed} of ${answered} failed: those that the worker was serving`);
  t.regex(
    server.stderr() + server.stdout(),
    new RegExp(`"pid":${before[0]},.*a worker process has ended and is replaced`),
  );
});

test.serial('auto is one worker a core; SIGTERM under load loses no request, and every process ends', async (t) => {
  const server = await start(t, 'auto', { Get: { message: { text: 'slow' }, delayMs: 300 } });
  const pids = childrenOf(server.pid);
  const cores = availableParallelism();
  t.is(pids.length, cores === 1 ? 0 : cores);
  const running = Array.from({ length: 40 }, () => sendTo(server.url, 'GET', '/v1/notes/1'));
  await until(() => server.upstream.calls.length === 40);
  const stopped = server.stop();
  const answers = await Promise.all(running);
  t.true(answers.every(({ status, json }) => status === 200 && json.text === 'slow'));
  t.is(await stopped, 0);
  for (const pid of pids) t.throws(() => process.kill(pid, 0));
});

test.serial('a worker that gets SIGTERM loses no request, and another one takes its place', async (t) => {
  const server = await twoWorkers({ Get: { message: { text: 'slow' }, delayMs: 20 } });
  const [ended] = childrenOf(server.pid);
  const agents = Array.from({ length: 8 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  let answered = 0;
  let going = true;
  const load = agents.map(async (agent) => {
    for (; going; answered++) t.is(await statusOf(`${server.url}/v1/notes/1`, agent), 200);
  });
  await until(() => answered > 50);
  process.kill(ended!, 'SIGTERM');
  await until(() => isReplaced(server.pid, ended!, 2));
  await until(async () => (await server.ready()).workers === 2);
  going = false;
  await Promise.all(load);
  for (const agent of agents) agent.destroy();
  t.notRegex(server.stderr(), new RegExp(`"pid":${ended},.*a worker process has ended`));
});

test.serial('SIGTERM to all processes at once is one drain, in which connections are accepted', async (t) => {
  const server = await start(t, '2', {}, '4s');
  for (const pid of childrenOf(server.pid)) process.kill(pid, 'SIGTERM');
  const ended = server.stop();
  await until(async () => (await server.ready()).state === 'draining');
  const { status, headers } = await sendTo(server.url, 'GET', '/v1/notes/1');
  t.deepEqual([status, headers.connection], [200, 'close']);
  t.is(await ended, 0);
});

for (const workers of ['1', '2']) {
  test.serial(`a second SIGTERM ends a drain at once, with ${workers} process(es) that serve`, async (t) => {
    const server = await start(t, workers, { Get: { hang: true } });
    const running = sendTo(server.url, 'GET', '/v1/notes/1').catch((error: NodeJS.ErrnoException) => error.code);
    await until(() => server.upstream.calls.length === 1);
    process.kill(server.pid, 'SIGTERM');
    await until(() => server.stderr().includes('"msg":"draining"'));
    const begunAt = Date.now();
    process.kill(server.pid, 'SIGTERM');
    // Killed by the signal, there is no exit code; the workers hold the same pipes, so they have ended as well.
    t.is(await server.ended, null);
    t.true(Date.now() - begunAt < HANG_MS, 'the drain would take fifty seconds');
    t.is(await running, 'ECONNRESET');
  });
}

test.serial('a worker that is stopped is replaced, and what it was given is answered by another one', async (t) => {
  const server = await twoWorkers();
  const [frozen] = childrenOf(server.pid);
  process.kill(frozen!, 'SIGSTOP');
  // One of the first two connections goes to the worker that is stopped.
  const answers = Array.from({ length: 4 }, () => sendTo(server.url, 'GET', '/v1/notes/1'));
  await until(async () => (await server.ready()).frozen === 1);
  t.true((await Promise.all(answers)).every(({ status }) => status === 200));
  await until(() => isReplaced(server.pid, frozen!, 2));
  await until(async () => (await server.ready()).workers === 2);
  t.is((await server.ready()).frozen, 0);
  t.regex(
    server.stderr(),
    new RegExp(`"pid":${frozen},"silentMs":\\d+,"busyMs":\\d+,"msg":"a worker process is frozen`),
  );
});

test.serial('a worker that is stopped, or killed, does not hold up a drain', async (t) => {
  const server = await start(t, '2');
  const [stopped, killed] = childrenOf(server.pid);
  process.kill(stopped!, 'SIGSTOP');
  const ended = server.stop();
  process.kill(killed!, 'SIGKILL');
  t.is(await ended, 0);
});

test.serial('a port that is taken ends all with one line', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => void taken.close());
  const { port } = taken.address() as { port: number };
  const folder = await protoFolder(t, PROTO);
  const flags = ['--protos', folder, '--upstream', '127.0.0.1:1', '--port', String(port), '--admin-port', '0'];
  const { exitCode, stdout, stderr } = await protogateAlone(['serve', ...flags, '--workers', '2']);
  t.is(exitCode, 1);
  t.is(stdout, '');
  t.regex(
    stderr,
    /\nerror: port 127\.0\.0\.1:\d+ is already in use; choose another one with --port \(0 takes a free one\)\n$/,
  );
});

for (const [value, expected] of [
  ['0', "expected 1 to 256 or auto, got '0'"],
  ['many', "expected 1 to 256 or auto, got 'many'"],
] as const) {
  test.serial(`--workers ${value} is wrong usage`, async (t) => {
    const { exitCode, stderr } = await protogate(['serve', '--workers', value]);
    t.is(exitCode, 2);
    t.true(stderr.includes(expected), stderr);
  });
}

test.serial('workers speak HTTP/2 and WebSockets', async (t) => {
  const { url } = await twoWorkers({ Follow: { messages: [{ text: 'a' }, { text: 'b' }] } });
  for (let i = 0; i < 4; i++) {
    const { socket, closed, messages } = await openWebSocket(t, url, '/v1/notes/1:follow');
    t.is((await closed).code, 1000);
    t.deepEqual(messages, [{ text: 'a' }, { text: 'b' }]);
    socket.terminate();
    const client = http2Client(t, url);
    t.is((await client.send('GET', '/v1/notes/1:follow')).text, '[{"text":"a"},{"text":"b"}]');
    client.session.destroy();
  }
});

// The last one: it ends the gateway that the others share.
test.serial('the primary’s end is the workers’ end', async (t) => {
  const server = await twoWorkers();
  const pids = childrenOf(server.pid);
  t.is(pids.length, 2);
  process.kill(server.pid, 'SIGKILL');
  t.true(
    await until(() =>
      pids.every((pid) => {
        try {
          process.kill(pid, 0);
          return false;
        } catch {
          return true;
        }
      }),
    ),
  );
});
