/** Certificates are renewed while a gateway serves. */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import test from 'ava';
import { certificates, type KeyAndCertificate } from '../support/certificates.js';
import { protoFolder } from '../support/gateway.js';
import { serving } from '../support/run.js';
import { HANG_MS, until } from '../support/until.js';

const PROTO = `import "google/api/annotations.proto"; package t.v1; message M {}
service S { rpc Get(M) returns (M) { option (google.api.http) = { get: "/v1/m" }; } }`;

/** Returns the fingerprint of the certificate that a new connection gets. */
function shown(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

for (const workers of [[], ['--workers', '2']]) {
  test(`new files are served to new connections, broken ones are not${workers.length > 0 ? ', by every worker' : ''}`, async (t) => {
    const folder = await protoFolder(t, PROTO);
    const write = async ({ cert, key }: KeyAndCertificate) => {
      for (const [name, bytes] of [
        ['cert.pem', cert],
        ['key.pem', key],
      ] as const) {
        await writeFile(join(folder, `${name}.new`), bytes);
        await rename(join(folder, `${name}.new`), join(folder, name));
      }
    };
    await write(certificates().server);
    await writeFile(
      join(folder, 'protogate.yaml'),
      'version: 1\ndrain: { grace: 0s, timeout: 1s }\nlisten: { tls: { cert: cert.pem, key: key.pem } }\nschema: { protos: [.] }\nupstreams: { a: { target: "127.0.0.1:1" } }\n',
    );
    const server = await serving(['serve', '-c', 'protogate.yaml', '--port', '0', '--admin-port', '0', ...workers], {
      cwd: folder,
    });
    t.teardown(server.stop);
    const port = Number(new URL(server.url).port);
    const first = await shown(port);
    const said = async (text: string) => {
      t.true(await until(() => server.stderr().includes(text), text));
    };
    const changed = async () => {
      for (const end = Date.now() + HANG_MS; Date.now() < end; await sleep(100)) {
        const seen = await Promise.all([1, 2, 3, 4].map(() => shown(port)));
        if (seen.every((one) => one !== first)) return seen[0];
      }
      return undefined;
    };
    await writeFile(join(folder, 'key.pem'), 'broken');
    await said('the old ones stay in use');
    t.is(await shown(port), first);
    await write(certificates().server);
    t.truthy(await changed());
    await said('the TLS certificates were reloaded');
  });
}
