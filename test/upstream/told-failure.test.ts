/** A server and a gateway that do not agree about TLS: the reason for operators says what is wrong, and what mends it. */
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { ServerCredentials } from '@grpc/grpc-js';
import test from 'ava';
import { createGrpcJsTransport } from '../../src/upstream/grpc-js/transport.js';
import { createHttp2Transport } from '../../src/upstream/http2/transport.js';
import { createLeanTransport } from '../../src/upstream/lean/transport.js';
import { reasonOf } from '../../src/upstream/outcome.js';
import type { TlsSettings } from '../../src/upstream/transport.js';
import { certificates } from '../support/certificates.js';
import { afterAll } from '../support/gateway.js';
import { CALL } from '../support/http2-upstream.js';
import { openTransport } from '../support/transport.js';
import { startUpstream } from '../support/upstream.js';

const shared = afterAll(test);
const { ca, otherCa, server, stranger } = certificates();
const TLS = { ca, serverName: 'upstream.test' };

async function start(kind: 'plaintext' | 'tls' | 'mtls' | 'https'): Promise<string> {
  if (kind === 'https') {
    const https = createHttpsServer(server, (_req, res) => void res.end()).listen(0, '127.0.0.1');
    await new Promise((resolve) => https.once('listening', resolve));
    shared.teardown(() => void https.close());
    return `127.0.0.1:${(https.address() as AddressInfo).port}`;
  }
  const pairs = [{ cert_chain: server.cert, private_key: server.key }];
  const secure = kind === 'plaintext' ? {} : { credentials: ServerCredentials.createSsl(ca, pairs, kind === 'mtls') };
  const upstream = await startUpstream('message A {} service S { rpc M(A) returns (A); }', {}, secure);
  shared.teardown(upstream.close);
  return upstream.target;
}

const ROWS: readonly (readonly [
  what: string,
  kind: Parameters<typeof start>[0],
  tls: TlsSettings | undefined,
  http2: RegExp,
  grpcJs?: RegExp,
])[] = [
  [
    'a plaintext server behind TLS',
    'plaintext',
    TLS,
    /^expected TLS from the upstream, got plaintext; remove tls from the upstream, or turn on TLS/,
  ],
  [
    'a plaintext server behind TLS with the roots of the system',
    'plaintext',
    {},
    /^expected TLS from the upstream, got plaintext; remove tls from the upstream, or turn on TLS/,
  ],
  [
    'a TLS server behind plaintext',
    'tls',
    undefined,
    /got no HTTP\/2 frame; if the server speaks TLS, add tls: \{\} to the upstream/,
    /TLS is on at both/,
  ],
  [
    'an authority that the system does not trust',
    'tls',
    {},
    /^the certificate of the server is signed by an authority that is not trusted; name the authority in tls.ca/,
  ],
  [
    'an authority that ca does not name',
    'tls',
    { ...TLS, ca: otherCa },
    /^the certificate of the server is signed by an authority that is not trusted/,
  ],
  [
    'a certificate for another name',
    'tls',
    { ...TLS, serverName: 'a.test' },
    /^the certificate .* other names; set tls.serverName .*\(DNS:upstream.test\)$/,
  ],
  [
    'a server that demands a certificate',
    'mtls',
    TLS,
    /^the server demands a certificate of the gateway; set tls.cert and tls.key of the upstream$/,
  ],
  [
    'a server that does not accept the certificate',
    'mtls',
    { ...TLS, ...stranger },
    /tls.cert/,
    /TLS is on at both|tls.cert/,
  ],
  [
    'a TLS server without HTTP/2',
    'https',
    TLS,
    /^the server speaks TLS, but not HTTP\/2; check that the target is the port of a gRPC server$/,
  ],
];

for (const [what, kind, tls, http2, grpcJs = http2] of ROWS) {
  test(`${what}: the reason says what to do`, async (t) => {
    const target = await start(kind);
    for (const [create, words] of [
      [createLeanTransport, http2],
      [createHttp2Transport, http2],
      [createGrpcJsTransport, grpcJs],
    ] as const) {
      const transport = openTransport(create, target, tls === undefined ? {} : { tls });
      const error = await t.throwsAsync(transport.call(CALL));
      t.regex(reasonOf(error), words, create.name);
      await transport.close(0);
    }
  });
}
