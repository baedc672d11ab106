/** The admin port: hosts, methods, paths, framing. It answers GET and HEAD of four paths and nothing else. */
import { listenAdmin } from '../../../src/process/run-server.js';
import { urlOf } from '../../../src/server/listener/listen.js';
import { valuesOf } from '../../../src/telemetry/exposition.js';
import { createLog } from '../../../src/telemetry/log.js';
import { createMetrics } from '../../../src/telemetry/metrics.js';
import { readAnswers } from '../../fuzz/answers.js';
import { verdictOn } from '../../fuzz/oracle.js';
import { sendBytes } from '../../fuzz/send-bytes.js';
import { planOf, type Teardown } from '../../support/gateway.js';
import { API } from '../api.js';
import { type Case, type Family, patience, shown } from '../family.js';
import { reasonIn } from '../http1.js';

export const admin: Family = {
  name: 'the admin port',
  async cases(t) {
    return [...adminCases(await start(t))];
  },
};

async function start(t: Teardown): Promise<number> {
  const plan = await planOf(t, API, { admin: { port: 0, hosts: ['admin.example.com', '*.svc.local'] },
    listen: { headersTimeout: '500ms' }, limits: { headerBytes: '8KiB' } });
  const log = createLog({ format: 'json', destination: { write: () => {} } });
  const server = (await listenAdmin(() => plan, { metrics: async () => valuesOf(createMetrics().registry), readiness: () => ({ ready: true,
    state: 'serving', upstreams: new Map() }) }, log))!;
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return Number(new URL(urlOf(server)).port);
}

function* adminCases(port: number): Generator<Case> {
  const one = (fact: string, text: string, status: number | number[], reason?: string): Case => ({
    fact,
    async attempt() {
      const { received, isClosed } = await sendBytes(port, [Buffer.from(text, 'latin1')], { endsAfter: true, patienceMs: patience.ms });
      if (!isClosed) return `no end within ${patience.ms} ms`;
      const method = text.slice(0, text.indexOf(' '));
      const [answer] = readAnswers(received, [method]);
      if (answer === undefined) return 'no answer';
      if (![status].flat().includes(
        answer.status)) return `${answer.status} instead of ${[status].flat().join(' or ')}`;
      if (reason !== undefined && reasonIn(answer.body) !== reason) return `reason ${reasonIn(answer.body)}`;
      return verdictOn({ status: answer.status, header: (name) => answer.headers.get(name)?.[0], body: answer.body,
        isHead: method === 'HEAD', hasDeadline: false });
    },
  });
  const get = (target: string, host: string) => `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  for (const target of ['/healthz', '/readyz', '/metrics', '/routes']) {
    for (const host of ['localhost', 'LOCALHOST', 'localhost.', 'localhost:9901', '127.0.0.1', '127.0.0.1:1',
      '10.0.0.1', '[::1]', '[fe80::1%25eth0]:80', 'admin.example.com', 'a.svc.local', 'a.b.svc.local'])
      yield one(`${target} for ${host}`, get(target, host), 200);
    for (const host of ['evil.example', 'localhost.evil.example', 'xlocalhost', '127.0.0.1.evil.example',
      '127.0.0.1.nip.io', 'admin.example.com.evil.example', 'xadmin.example.com', 'svc.local', 'xsvc.local',
      'a.svc.local.evil.example', '127.1', '0x7f000001', '2130706433', '017700000001', 'a', '127.0.0.1%00',
      'localhost%2eevil', '_', 'metadata.google.internal', '1.2.3.4.5', '256.1.1.1', '1.2.3'])
      yield one(`${target} for ${host}`, get(target, host), 421, 'MISDIRECTED_REQUEST');
    for (const host of ['a b', 'a/b', '[::1', 'a@b', 'localhost@evil.example', 'localhost, evil.example',
      'localhost#x', '\xff', 'localhost:x'])
      yield one(`${target} for ${shown(host)}`, get(target, host), 400);
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'OPTIONS'])
      yield one(`${method} ${target}`,
        `${method} ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`, [200, 204, 400, 405]);
    yield one(`HEAD ${target}`, `HEAD ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`, 200);
    yield one(`${target} for two hosts`,
      `GET ${target} HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n`, 400);
    yield one(`${target} with a foreign authority in the target`, get(`http://evil.example${target}`, 'localhost'),
      421);
    yield one(`${target} with two lengths`,
      `GET ${target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n`, 400);
    yield one(`${target} with a large head`,
      `GET ${target} HTTP/1.1\r\nHost: localhost\r\nX-A: ${'a'.repeat(9000)}\r\n\r\n`, 431);
    yield one(`${target} with half a body`,
      `POST ${target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\na`, [400, 405]);
  }
  for (const target of ['/', '//', '/metrics/', '/Metrics', '/metrics%00', '/%6detrics/..', '/../metrics',
    '/metrics/../routes', '/v1/things/1', '/debug/pprof', '/.git/config', '/healthz/x', '/routes.json', '/readyz;x',
    '/a'.repeat(1000), '/%', '/%ff', '/%zz', '/__proto__', '/constructor'])
    yield one(`GET ${shown(target)}`, get(target, 'localhost'), [200, 400, 404]);
  for (const target of ['*', 'a', 'http://', 'ftp://localhost/metrics']) yield one(`the target ${target}`,
    get(target, 'localhost'), [400, 404]);
  for (const text of ['GET /metrics\r\n\r\n', 'BREW / HTTP/1.1\r\n\r\n',
    'GET /metrics HTTP/1.1\nHost: localhost\n\n', '\x16\x03\x01', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'GET /metrics HTTP/1.1\r\nHost : localhost\r\n\r\n'])
    yield one(`the bytes ${shown(text)}`, text, 400);
}
