/**
 * `npm run observe [-- --collector]`: a real Prometheus scrapes a gateway under traffic. Its rules must load, and each query
 * of the dashboard and of the alerts must be one that Prometheus can evaluate; those of the dashboard must return data.
 * The questions of docs/operating.md must be answered. Labels must stay bounded under many paths, methods and hosts that no
 * route knows. It needs the packages `prometheus` and `jq` (Debian), which `.ci/run` installs; it starts no service. With `--collector`, the traces go through the collector of the
 * OpenTelemetry project, which is built with Go, and their trees are compared; the first build takes minutes.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROWS } from '../reference/dashboard.js';
import { sendTo } from '../support/gateway.js';
import { startIssuer } from '../support/issuer.js';
import { parseMetrics } from '../support/metrics.js';
import { type Receiver, startReceiver } from '../support/otlp.js';
import { freePort } from '../support/ports.js';
import { ROOT, serving } from '../support/run.js';
import { until } from '../support/until.js';
import { startUpstream } from '../support/upstream.js';
import { startCollector, treesOf } from './collector.js';
import { checkQuestions } from './questions.js';

const WITH_COLLECTOR = process.argv.includes('--collector');
const ALERTS = join(ROOT, 'deploy/prometheus-alerts.yaml');
/** The number of requests of the flood. Each has a path, a method or a host that no route has. */
const FLOOD = 100_000;

const PROTO = `syntax = "proto3";
package observe.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { string name = 1; }
message Shelf { string name = 1; repeated string books = 2; }
message Book { string name = 1; }
message Page { Shelf shelf = 1; repeated Book books = 2; Book broken = 3; }
service Shelves {
  rpc GetShelf(Ask) returns (Shelf) { option (google.api.http) = { get: "/v1/{name=shelves/*}" }; }
  rpc GetBook(Ask) returns (Book) { option (google.api.http) = { get: "/v1/{name=books/*}" }; }
  rpc Slow(Ask) returns (Book) { option (google.api.http) = { get: "/v1/slow" }; }
  rpc Mine(Ask) returns (Book) { option (google.api.http) = { get: "/v1/mine" }; }
  rpc Broken(Ask) returns (Book) { option (google.api.http) = { get: "/v1/broken" }; }
  rpc Watch(Ask) returns (stream Book) { option (google.api.http) = { get: "/v1/watch" }; }
}
service Pages {
  rpc GetPart(Ask) returns (Page) {
    option (google.api.http) = { get: "/v1/{name=shelves/*}/part" };
    option (protogate.v1.aggregate) = {
      steps: { into: "shelf" call: "observe.v1.Shelves/GetShelf" with: "name = request.name" }
      steps: { into: "broken" call: "observe.v1.Shelves/Broken" optional: true }
    };
  }
  rpc GetPage(Ask) returns (Page) {
    option (google.api.http) = { get: "/v1/{name=shelves/*}/page" };
    option (protogate.v1.aggregate) = {
      steps: { into: "shelf" call: "observe.v1.Shelves/GetShelf" with: "name = request.name" }
      steps: { into: "books" call: "observe.v1.Shelves/GetBook" for_each: "shelf.books" with: "name = each" max_items: 5 }
    };
  }
}
`;

const tasks: (() => void | Promise<void>)[] = [];
const t = { teardown: (task: () => void | Promise<void>) => void tasks.push(task) };
const failures: string[] = [];

function check(isRight: boolean, what: string): void {
  process.stdout.write(`${isRight ? 'ok' : 'FAILED'}  ${what}\n`);
  if (!isRight) failures.push(what);
}

async function startGateway(folder: string) {
  let tries = 0;
  const upstream = await startUpstream(PROTO, {
    GetShelf: { message: { name: 'shelves/1', books: ['books/1'] } },
    GetBook: () => (tries++ % 7 === 0 ? { status: { code: 14, message: 'later' } } : { message: { name: 'books/1' } }),
    Slow: { message: { name: 'books/2' }, delayMs: 80 },
    Broken: { status: { code: 14, message: 'never' } },
    Watch: { messages: [{ name: 'a' }, { name: 'b' }] },
  });
  t.teardown(upstream.close);
  const issuer = await startIssuer(t, 'observe');
  const receiver = await startReceiver(t);
  const otlp = WITH_COLLECTOR ? await startCollector(t, folder, receiver.url) : receiver.url;
  await writeFile(join(folder, 'observe.proto'), PROTO);
  const adminPort = await freePort();
  const config = {
    version: 1,
    listen: { port: 0 },
    admin: { port: adminPort },
    schema: { protos: ['.'] },
    upstreams: {
      shop: {
        target: upstream.target,
        retry: { maxAttempts: 3, codes: ['UNAVAILABLE'] },
        hedge: { after: '20ms' },
        circuitBreaker: { failureRatio: 0.5, minRequests: 10, window: '5s', openFor: '1s' },
      },
    },
    auth: {
      default: 'public',
      jwt: [{ issuer: issuer.issuer, jwksUri: issuer.jwksUri, audiences: ['api'], algorithms: ['RS256'] }],
    },
    policies: [
      { selector: 'observe.v1.Shelves/GetBook', cache: { ttl: '20ms', scope: 'public' } },
      {
        selector: 'observe.v1.Shelves/Mine',
        auth: { mode: 'required' },
        rateLimits: [{ limit: 3, period: '1s', per: ['consumer'] }],
      },
    ],
    tracing: { otlp, sample: WITH_COLLECTOR ? 1 : 0.1 },
    log: { format: 'json' },
  };
  await writeFile(join(folder, 'protogate.yaml'), JSON.stringify(config));
  const gateway = await serving(['serve', '--config', 'protogate.yaml'], { cwd: folder });
  t.teardown(async () => void (await gateway.stop()));
  const token = issuer.sign({ sub: 'ada', exp: Math.floor(Date.now() / 1000) + 3600 });
  /** Changes a setting and a proto, and lets the gateway take them. */
  const reload = async () => {
    await writeFile(join(folder, 'protogate.yaml'), JSON.stringify({ ...config, limits: { bodyBytes: '1MiB' } }));
    await writeFile(join(folder, 'observe.proto'), PROTO.replace('message Book {', 'message Book { string title = 2;'));
    process.kill(gateway.pid, 'SIGHUP');
    await until(() => gateway.stderr().includes('"msg":"reloaded"'), 'the reload');
  };
  return { url: gateway.url, admin: `http://127.0.0.1:${adminPort}`, token, receiver, reload, log: gateway.stderr };
}

const BOOK = 'observe.v1.Shelves/GetBook';
/** Traces that the traffic makes many times, as trees: an aggregate whose books another request has fetched, and a retry. */
const TREES = [
  'GET /v1/{name=shelves/*}/page > (step shelf > (observe.v1.Shelves/GetShelf), step books > (cache))',
  `GET /v1/{name=books/*} > (cache > (${BOOK} !, ${BOOK}))`,
];

/** Checks the traces that the collector sends on. */
async function checkTraces({ spans }: Receiver): Promise<void> {
  const has = (tree: string) => treesOf(spans).includes(tree);
  await until(() => TREES.every(has)).catch(() => {});
  for (const tree of TREES) check(has(tree), `trace through the collector: ${tree}`);
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const orphans = spans.filter(({ parentSpanId }) => parentSpanId !== undefined && !ids.has(parentSpanId));
  check(orphans.length === 0, `${spans.length} spans, ${orphans.length} without their parent`);
}

/** Sends requests of all kinds until `signal` aborts. */
async function traffic(url: string, token: string, signal: AbortSignal): Promise<void> {
  const paths = [
    '/v1/shelves/1',
    '/v1/shelves/1/page',
    '/v1/shelves/1/part',
    '/v1/books/1',
    '/v1/slow',
    '/v1/broken',
    '/v1/watch',
    '/nowhere',
  ];
  while (!signal.aborted) {
    await Promise.all([
      ...paths.map((path) => sendTo(url, 'GET', path)),
      ...Array.from({ length: 5 }, () =>
        sendTo(url, 'GET', '/v1/mine', { headers: { authorization: `Bearer ${token}` } }),
      ),
      sendTo(url, 'GET', '/v1/mine', { headers: { authorization: 'Bearer nonsense' } }),
      sendTo(url, 'GET', '/v1/mine'),
      leaveEarly(`${url}/v1/slow`),
    ]);
    await sleep(100);
  }
}

/** Sends a request, and goes away before the answer. */
async function leaveEarly(url: string): Promise<void> {
  const asked = get(url, { agent: false, headers: { 'user-agent': 'hasty' } }).on('error', () => {});
  await sleep(40);
  asked.destroy();
}

/** The number of requests that are written at once, and the number of connections. */
const [BATCH, CONNECTIONS] = [100, 16];

/**
 * Sends requests whose path, method, host and agent no route has. One in a hundred has a method that HTTP does not
 * define.
 */
async function flood(url: string, count: number): Promise<void> {
  const methods = ['GET', 'PURGE', 'MKCOL', 'PROPFIND', 'DELETE', 'LINK'];
  const port = Number(new URL(url).port);
  const text = (method: string, at: number, more = '') =>
    `${method} /path-${at}/${Math.random()} HTTP/1.1\r\nHost: host-${at}.example\r\nUser-Agent: agent-${at}\r\n${more}\r\n`;
  let left = count;
  const batches = async () => {
    const socket = connect(port, '127.0.0.1');
    const answers = socket.setEncoding('latin1')[Symbol.asyncIterator]();
    while (left > 0) {
      const from = left;
      left -= BATCH;
      socket.write(
        Array.from({ length: BATCH }, (_, i) => text(methods[(from + i) % methods.length]!, from - i)).join(''),
      );
      let seen = '';
      for (let found = 0; found < BATCH; found = seen.split('HTTP/1.1 ').length - 1)
        seen += String((await answers.next()).value ?? raise('the gateway has closed the connection'));
      await strange(port, text(`BREW${from}`, from, 'Connection: close\r\n'));
    }
    socket.destroy();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, batches));
}

function raise(what: string): never {
  throw new Error(what);
}

/** Sends bytes on a connection of their own. */
async function strange(port: number, text: string): Promise<void> {
  const socket = connect(port, '127.0.0.1', () => socket.write(text)).on('error', () => {});
  socket.resume();
  await once(socket, 'close');
}

async function startPrometheus(folder: string, admin: string): Promise<string> {
  const port = await freePort();
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [ALERTS],
    scrape_configs: [{ job_name: 'protogate', static_configs: [{ targets: [new URL(admin).host] }] }],
  };
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
  await mkdir(join(folder, 'data'));
  const child = spawn(
    'prometheus',
    [
      '--config.file=prometheus.yml',
      '--storage.tsdb.path=data',
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage',
      '--log.level=error',
    ],
    { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  t.teardown(async () => {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
  });
  const url = `http://127.0.0.1:${port}`;
  await until(() =>
    fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return url;
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  // biome-ignore lint/suspicious/noExplicitAny: each endpoint has its own shape
  readonly data: any;
}

async function ask(prometheus: string, path: string, query: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const answer = await fetch(`${prometheus}/api/v1/${path}?${new URLSearchParams(query)}`);
  return (await answer.json()) as Answer;
}

async function main(): Promise<void> {
  if (spawnSync('prometheus', ['--version']).error !== undefined)
    throw new Error('prometheus is not installed; on Debian: apt-get install --no-install-recommends prometheus');
  const rules = spawnSync('promtool', ['check', 'rules', ALERTS], { encoding: 'utf8' });
  check(rules.status === 0, `promtool check rules: ${rules.stdout.trim().split('\n').at(-1)?.trim()}`);
  const folder = await mkdtemp(join(tmpdir(), 'protogate-observe-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const { url, admin, token, receiver, reload, log } = await startGateway(folder);
  const prometheus = await startPrometheus(folder, admin);
  const ending = new AbortController();
  const running = traffic(url, token, ending.signal);
  await sleep(5000);
  await reload();
  await sleep(5000);
  for (const { title, queries } of Object.values(ROWS).flat()) {
    for (const [expr, legend] of queries) {
      const query = expr.replaceAll('$__rate_interval', '10s');
      const { status, error, data } = await ask(prometheus, 'query', { query });
      const values = ((data?.result ?? []) as { readonly value: readonly [number, string] }[]).map(
        ({ value }) => value[1],
      );
      const isRight = status === 'success' && values.some((value) => value !== 'NaN');
      check(isRight, `${title} (${legend}): ${error ?? `${values.length} series`}`);
    }
  }
  const page = await readFile(join(ROOT, 'docs/operating.md'), 'utf8');
  for (const [, text = ''] of page.matchAll(/```promql.*\n([\s\S]*?)```/g)) {
    const { data } = await ask(prometheus, 'query', { query: text.replaceAll('[5m]', '[10s]') });
    check((data?.result ?? []).length > 0, `docs/operating.md: ${text.trim()}`);
  }
  await writeFile(join(folder, 'gateway.log'), log());
  const query = async (promql: string) => {
    const { data } = await ask(prometheus, 'query', { query: promql });
    return ((data?.result ?? []) as { readonly metric: Record<string, string> }[]).map(({ metric }) => metric);
  };
  await checkQuestions({ page, folder, log: log(), query, check });
  const { data: groups } = await ask(prometheus, 'rules');
  for (const { name, health, lastError } of groups.groups.flatMap(({ rules }: { rules: object[] }) => rules))
    check(health === 'ok', `alert ${name}: ${lastError || health}`);
  const exemplars = await ask(prometheus, 'query_exemplars', {
    query: 'protogate_request_duration_seconds_bucket',
    start: String(Date.now() / 1000 - 60),
    end: String(Date.now() / 1000 + 1),
  });
  check(exemplars.data.length > 0, `exemplars: ${exemplars.data.length} series`);
  ending.abort();
  await running;
  if (WITH_COLLECTOR) await checkTraces(receiver);
  const seriesNow = async () => parseMetrics(await (await fetch(`${admin}/metrics`)).text());
  const before = await seriesNow();
  await flood(url, FLOOD);
  const after = await seriesNow();
  const grown = after.length - before.length;
  check(grown < 400, `${FLOOD} random paths, methods and hosts: ${before.length} series before, ${after.length} after`);
  const text = after.map(({ labels }) => Object.values(labels).join(' ')).join('\n');
  check(!/path-\d|host-\d|agent-\d/.test(text), 'no path, host or agent of a client is a label');
  const secret = token.split('.')[2]!;
  check(
    !(await readFile(join(ROOT, 'deploy/grafana-dashboard.json'), 'utf8')).includes(secret),
    'no token is in the dashboard',
  );
}

try {
  await main();
} finally {
  for (const task of tasks.reverse()) await task();
}
process.exitCode = failures.length === 0 ? 0 : 1;
process.stdout.write(failures.length === 0 ? 'all is well\n' : `${failures.length} failed\n`);
