/** Tests how operators learn which servers of an upstream answer: readiness, log and `check --connect`. */
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import { parseConfig } from '../../src/config/parse.js';
import { connectToAll } from '../../src/gateway/connect-check.js';
import { joinReports, logUpstreams, readinessOf, reportUpstreams } from '../../src/process/upstream-status.js';
import { createLog } from '../../src/telemetry/log.js';
import type { UpstreamReport } from '../../src/upstream/balance/balancer.js';
import { planOf, startGateway } from '../support/gateway.js';
import { LIBRARY } from '../support/protos.js';
import { until } from '../support/until.js';
import { startUpstream } from '../support/upstream.js';

/** A port of this machine on which nobody listens. */
const NOBODY = '127.0.0.1:1';

async function started(t: ExecutionContext, more: (target: string) => NonNullable<ConfigInput['upstreams']>) {
  const upstream = await startUpstream(LIBRARY);
  t.teardown(upstream.close);
  const upstreams = more(upstream.target);
  const lookup = () => Promise.reject(new Error('getaddrinfo ENOTFOUND nowhere'));
  const { gateway, send } = await startGateway(t, LIBRARY, {}, { upstreams }, { lookup });
  const lines: string[] = [];
  const log = createLog({ format: 'json', destination: { write: (line: string) => void lines.push(line) } });
  return { upstream, upstreams, gateway, send, log, logged: () => lines.map((line) => JSON.parse(line)) };
}

test('at the start the log says for each upstream whether it answers', async (t) => {
  const { gateway, log, logged, upstream } = await started(t, (target) => ({
    good: { target },
    half: { targets: [target, NOBODY], services: ['a.v1.*'] },
    down: { target: NOBODY, services: ['b.v1.*'] },
    lost: { target: 'nowhere:1', services: ['c.v1.*'] },
  }));
  await logUpstreams(gateway, log);
  t.deepEqual(
    logged()
      .map(({ level, msg, upstream: name, servers }) => [level, name, msg, servers])
      .toSorted(),
    [
      ['info', 'good', 'an upstream answers', 1],
      ['warn', 'down', 'an upstream does not answer', [`${NOBODY}: connect ECONNREFUSED 127.0.0.1:1`]],
      ['warn', 'half', 'an upstream does not answer', [`${NOBODY}: connect ECONNREFUSED 127.0.0.1:1`]],
      ['warn', 'lost', 'an upstream does not answer', ['getaddrinfo ENOTFOUND nowhere']],
    ].toSorted() as never,
  );
  // Upstreams with the same server share its connection.
  t.is(upstream.connections().total, 1);
});

test('an upstream that counts is connected by the question, and makes the gateway unready while it is down', async (t) => {
  const { gateway } = await started(t, (target) => ({
    good: { target },
    down: { target: NOBODY, services: ['a.v1.*'] },
  }));
  const idle = await reportUpstreams(gateway, []);
  t.deepEqual([idle.get('good')?.state, idle.get('down')?.state], ['idle', 'idle']);
  t.true(readinessOf('serving', idle, []).ready);
  // On a busy machine the first question may be answered before the connection is there.
  let reports = idle;
  await until(async () => {
    reports = await reportUpstreams(gateway, ['good', 'down']);
    return reports.get('good')?.state === 'ready' && reports.get('down')?.state === 'unreachable';
  });
  const [server] = reports.get('down')?.servers ?? [];
  t.like(server, { address: NOBODY, state: 'unreachable', why: 'connect ECONNREFUSED 127.0.0.1:1' });
  t.true(Date.now() - server!.sinceMs < 60_000);
  t.like(readinessOf('serving', reports, ['good']), { ready: true });
  t.like(readinessOf('serving', reports, ['good', 'down']), {
    ready: false,
    state: 'serving',
    why: 'no server of the upstream down answers',
  });
  t.like(readinessOf('draining', reports, []), { ready: false, state: 'draining' });
});

test('the worst state of a server over all workers is shown', (t) => {
  type State = 'idle' | 'ready' | 'unreachable';
  const report = (state: State): UpstreamReport => {
    return { state, isPanic: false, servers: [{ address: 'a:1', state, sinceMs: 1 }] };
  };
  const joined = (...states: State[]) => {
    const { state, servers } = joinReports(states.map((one) => new Map([['u', report(one)]]))).get('u')!;
    t.is(servers.length, 1);
    t.is(servers[0]!.state as string, state);
    return state;
  };
  t.is(joined('ready', 'unreachable', 'idle'), 'unreachable');
  t.is(joined('idle', 'ready'), 'ready');
  t.is(joined('idle', 'idle'), 'idle');
});

test('check --connect: an error for an upstream that is down, a warning for one that is half down', async (t) => {
  const { upstreams } = await started(t, (target) => ({
    good: { target },
    half: { targets: [target, NOBODY], services: ['a.v1.*'] },
    down: { target: NOBODY, services: ['b.v1.*'] },
    lost: { target: 'no-such-name.invalid:1', services: ['c.v1.*'] },
  }));
  const { config } = parseConfig({ version: 1, upstreams });
  const { diagnostics, answers } = await connectToAll(config!);
  t.deepEqual(answers, ['upstream good: 1 server that answers']);
  t.deepEqual(
    diagnostics.map(({ severity, rule, text }) => `${severity}: ${text.replace(/getaddrinfo.*/, '…')} [${rule}]`),
    [
      `warning: upstreams.half: expected 2 servers that answer, got 1 server that answers; ${NOBODY}: connect ECONNREFUSED 127.0.0.1:1 [upstream-unreachable]`,
      `error: upstreams.down: expected 1 server that answers, got none; ${NOBODY}: connect ECONNREFUSED 127.0.0.1:1 [upstream-unreachable]`,
      'error: upstreams.lost: expected a name that can be looked up: … [upstream-unreachable]',
    ],
  );
});

test('a name in admin.readiness that no upstream has is an error', async (t) => {
  const admin = { readiness: { upstreams: ['lib'] } };
  const { diagnostics } = await planOf(t, LIBRARY, { upstreams: { library: { target: NOBODY } }, admin });
  t.deepEqual(
    diagnostics.filter(({ severity }) => severity === 'error').map(({ text }) => text),
    ["admin.readiness.upstreams: expected the name of an upstream (library), got 'lib'"],
  );
});

test('metrics show each server: its calls by result, and whether it may get calls', async (t) => {
  const { gateway, send } = await started(t, (target) => ({ good: { targets: [target, NOBODY] } }));
  await gateway.snapshots.current.upstreams.get('good')!.connect(1000);
  for (let i = 0; i < 3; i++) t.is((await send('GET', '/v1/books/x')).status, 200);
  const text = await gateway.metrics.registry.metrics();
  t.regex(text, /protogate_server_calls_total\{upstream="good",server="127\.0\.0\.1:\d\d+",result="answered"\} 3\n/);
  t.regex(text, /protogate_server_up\{upstream="good",server="127\.0\.0\.1:\d\d+"\} 1\n/);
  t.true(text.includes(`protogate_server_up{upstream="good",server="${NOBODY}"} 0\n`));
});
