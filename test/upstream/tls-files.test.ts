/** Tests which authorities an upstream trusts with `tls: {}`, and while the file with its own ones is being written. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ServerCredentials } from '@grpc/grpc-js';
import test from 'ava';
import { systemClock } from '../../src/base/clock.js';
import { createLog } from '../../src/telemetry/log.js';
import { createHttp2Transport } from '../../src/upstream/http2/transport.js';
import { TlsFiles } from '../../src/upstream/tls-files.js';
import { certificates } from '../support/certificates.js';
import { handClock } from '../support/clock.js';
import { protoFolder } from '../support/gateway.js';
import { openTransport } from '../support/transport.js';
import { startUpstream } from '../support/upstream.js';

test('without ca the authorities of the system count, and those of NODE_EXTRA_CA_CERTS', async (t) => {
  const { ca, server, otherCa } = certificates();
  const credentials = ServerCredentials.createSsl(null, [{ cert_chain: server.cert, private_key: server.key }]);
  const upstream = await startUpstream('message A {} service S { rpc M(A) returns (A); }', {}, { credentials });
  t.teardown(upstream.close);
  const folder = await protoFolder(t, {});
  const [own, other] = [join(folder, 'own.pem'), join(folder, 'other.pem')];
  await writeFile(own, ca);
  await writeFile(other, otherCa);
  const { SSL_CERT_FILE, NODE_EXTRA_CA_CERTS } = process.env;
  t.teardown(() => void Object.assign(process.env, { SSL_CERT_FILE, NODE_EXTRA_CA_CERTS }));
  for (const [system, extra, isTrusted] of [
    [own, '', true],
    [other, '', false],
    [other, own, true],
  ] as const) {
    Object.assign(process.env, { SSL_CERT_FILE: system, NODE_EXTRA_CA_CERTS: extra });
    const files = new TlsFiles({ serverName: 'upstream.test' }, createLog({}), systemClock);
    const transport = openTransport(createHttp2Transport, upstream.target, { tls: files.current() });
    const connected = transport.connect();
    if (isTrusted) await t.notThrowsAsync(connected);
    else await t.throwsAsync(connected, { message: 'the upstream cannot be reached' });
    await transport.close(0);
    await files.close();
  }
});

test('a file of authorities that is being written is not used before it is whole', async (t) => {
  const { ca, otherCa } = certificates();
  const folder = await protoFolder(t, {});
  const path = join(folder, 'ca.pem');
  await writeFile(path, ca);
  const clock = handClock();
  const lines: string[] = [];
  const log = createLog({ format: 'json', destination: { write: (line: string) => void lines.push(line) } });
  const files = new TlsFiles({ ca: path }, log, clock);
  const both = Buffer.concat([ca, otherCa]);
  for (const [written, inUse] of [
    [Buffer.alloc(0), ca],
    [both.subarray(0, 300), ca],
    [both.subarray(0, ca.length + 300), ca],
    [both.subarray(0, both.length - 10), ca],
    [both, both],
  ] as const) {
    await writeFile(path, written);
    clock.advance(1000);
    t.deepEqual(files.current().ca, inUse);
  }
  await files.close();
  t.deepEqual(
    lines.map((line) => JSON.parse(line).level),
    ['error', 'info'],
  );
});
