/** The certificate authorities of clients are renewed while a server runs. */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import test from 'ava';
import { followCertificates, secureContext, type TlsSettings } from '../../../src/server/listener/certificates.js';
import { createLog } from '../../../src/telemetry/log.js';
import { certificates } from '../../support/certificates.js';
import { handClock } from '../../support/clock.js';

test('a file of client authorities that is being written is not used before it is whole', async (t) => {
  const { ca, otherCa, server: own, client } = certificates();
  const first: TlsSettings = { ...own, clientCa: ca };
  const server = createServer({ ...secureContext(first), requestCert: true, rejectUnauthorized: false });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close());
  /** Resolves to whether the server knows the authority of the client. */
  const isKnown = () =>
    new Promise<boolean>((resolve, reject) => {
      server.once('secureConnection', (socket) => resolve(socket.authorized));
      const { port } = server.address() as AddressInfo;
      const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...client }, () => socket.end());
      socket.on('error', reject);
    });
  let { clientCa } = first;
  const clock = handClock();
  const log = createLog({ destination: { write: () => {} } });
  followCertificates(server, first, () => ({ ...own, clientCa: clientCa! }), { clock, log });
  for (const [written, isTrusted] of [
    [Buffer.alloc(0), true],
    [ca.subarray(0, 300), true],
    [otherCa, false],
    [Buffer.concat([otherCa, ca]), true],
  ] as const) {
    clientCa = written;
    clock.advance(1000);
    t.is(await isKnown(), isTrusted);
  }
});
