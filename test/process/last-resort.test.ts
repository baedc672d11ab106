/** An uncaught error writes one line to the log and ends the process with 1; workers are replaced. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { protoFolder, sendTo } from '../support/gateway.js';
import { childrenOf, isReplaced } from '../support/processes.js';
import { serving } from '../support/run.js';
import { until } from '../support/until.js';

const PROTO = `package a.v1;
import "google/api/annotations.proto";
message Q {}
service S { rpc Get(Q) returns (Q) { option (google.api.http) = { get: "/v1/a" }; } }`;

/** Starts a gateway with code that a signal runs in the process and in its workers. */
async function start(t: ExecutionContext, bug: string, ...flags: string[]) {
  const folder = await protoFolder(t, PROTO);
  const config = join(folder, 'protogate.yaml');
  await writeFile(config, 'version: 1\ndrain: { grace: 0s }\n');
  const onSignal = `data:text/javascript,${encodeURIComponent(`process.on('SIGUSR2', () => { ${bug} })`)}`;
  const more = ['--upstream', '127.0.0.1:1', '--port', '0', '--admin-port', '0', ...flags];
  const server = await serving(['serve', '--config', config, '--protos', folder, ...more], {
    env: { NODE_OPTIONS: `--import=${onSignal}` },
  });
  t.teardown(async () => void (await server.stop()));
  // Before it serves, it prints the diagnostics of the protos.
  const said = server.stderr().length;
  const lines = () => server.stderr().slice(said).split('\n').slice(0, -1);
  return { ...server, logged: () => lines().map((line) => JSON.parse(line) as Record<string, unknown>) };
}

for (const [what, bug, expected] of [
  ['an exception', "throw new TypeError('boom')", { origin: 'uncaughtException', type: 'TypeError', message: 'boom' }],
  [
    'a rejection',
    "void Promise.reject(new Error('boom'))",
    { origin: 'unhandledRejection', type: 'Error', message: 'boom' },
  ],
  [
    'an error event, which has a code',
    "process.emit('error', Object.assign(new Error('boom'), { code: 'EBOOM' }))",
    { origin: 'uncaughtException', type: 'Error', message: 'boom', code: 'EBOOM' },
  ],
  ['no error at all', "throw 'boom\\n{}'", { origin: 'uncaughtException', type: 'string', message: 'boom\n{}' }],
] as const) {
  test(`${what} that is not caught is one log line, and exit 1`, async (t) => {
    const server = await start(t, bug);
    process.kill(server.pid, 'SIGUSR2');
    t.is(await server.ended, 1);
    const [line, ...others] = server.logged().filter(({ level }) => level === 'error');
    t.deepEqual(others, []);
    const { origin, ...err } = expected;
    t.like(line, { origin, err, msg: 'uncaught error, which is a bug in protogate: the process ends' });
    if (err.type !== 'string') t.regex(JSON.stringify(line), / {4}at .*\.emit /);
  });
}

test('a warning of Node is a log line and does not end the process', async (t) => {
  const server = await start(t, "process.emitWarning('careful', 'OddWarning')");
  process.kill(server.pid, 'SIGUSR2');
  // The gateway also says that its upstream does not answer.
  const warning = () => server.logged().find(({ msg }) => msg === 'warning from Node.js');
  await until(() => warning() !== undefined);
  t.like(warning(), { level: 'warn', err: { type: 'OddWarning', message: 'careful' } });
  t.is((await sendTo(server.url, 'GET', '/nowhere')).status, 404);
  t.is(await server.stop(), 0);
});

test('a worker ends alike, and another one takes its place; a signal meanwhile ends all at once', async (t) => {
  const server = await start(t, "if (process.send) throw new Error('boom')", '--workers', '2');
  const [first] = childrenOf(server.pid);
  process.kill(first!, 'SIGUSR2');
  await until(() => isReplaced(server.pid, first!, 2));
  // The new process does not listen for the signal yet. It would only be killed after more than half a minute.
  const begun = Date.now();
  t.is(await server.stop(), 0);
  t.true(Date.now() - begun < 25_000, `${Date.now() - begun} ms`);
  const errors = server.logged().filter(({ level }) => level === 'error');
  t.like(errors[0], { origin: 'uncaughtException', err: { message: 'boom' } });
  t.like(errors[1], { pid: first, how: 1, msg: 'a worker process has ended and is replaced' });
});
