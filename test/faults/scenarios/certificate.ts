/** The certificate of the gateway for mutual TLS is renewed under load, several times, as a certificate manager does it. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { certificateAuthority } from '../../support/certificates.js';
import { startGateway } from '../gateway.js';
import { countBy, failuresIn, load, percentile } from '../load.js';
import { type Row, type Scenario, wrongOf } from '../scenario.js';
import { startService } from '../service.js';

const PER_SECOND = 100;
const EVERY_MS = 4000;

export const certificate: Scenario = {
  name: 'certificate',
  promise: 'a certificate that is renewed under load fails no request, and is used within seconds',
  isShort: true,
  async *run(isShort) {
    const transports = isShort ? ['http2'] : ['lean', 'http2', 'grpc-js'];
    for (const transport of transports) yield await renewed(transport, isShort ? 1 : 5);
  },
};

async function renewed(transport: string, times: number): Promise<Row> {
  const authority = certificateAuthority();
  const folder = mkdtempSync(join(tmpdir(), 'protogate-faults-tls-'));
  /** Replaces each file at once, as Kubernetes and certificate managers do. */
  const put = (name: string, content: Buffer) => {
    writeFileSync(join(folder, `${name}.new`), content);
    renameSync(join(folder, `${name}.new`), join(folder, name));
  };
  const renew = () => {
    const { cert, key } = authority.issue('gateway.test');
    put('cert.pem', cert);
    put('key.pem', key);
  };
  put('ca.pem', authority.ca);
  renew();
  const service = await startService(
    { kind: 'answer', delayMs: 5 },
    { tls: { ca: authority.ca, ...authority.issue('upstream.test') } },
  );
  const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((name) => join(folder, name));
  const tls = `{ ca: ${ca}, cert: ${cert}, key: ${key}, serverName: upstream.test }`;
  const gateway = await startGateway({
    upstreams: `{ a: { target: "${service.target}", transport: ${transport}, tls: ${tls} } }`,
    grace: '0s',
  });
  try {
    const sending = load({ port: gateway.port, perSecond: PER_SECOND, seconds: ((times + 1) * EVERY_MS) / 1000 });
    for (let i = 0; i < times; i++) {
      await sleep(EVERY_MS);
      renew();
    }
    const shots = await sending;
    const { calls, certificates } = await service.counts();
    const failed = countBy(shots, ({ status }) => status !== 200);
    return {
      what: `${transport}, ${PER_SECOND}/s, ${times} renewals`,
      figures: {
        sent: shots.length,
        failed,
        'reached the service': calls,
        'certificates that it saw': certificates.size,
        'p99 ms': percentile(shots, 99),
      },
      wrong: wrongOf({
        [`requests failed: ${failuresIn(shots)}`]: failed > 0,
        'a certificate was not used': certificates.size !== times + 1,
        'there were calls without a certificate': certificates.has('none'),
      }),
    };
  } finally {
    await gateway.stop();
    await service.stop();
    rmSync(folder, { recursive: true });
  }
}
