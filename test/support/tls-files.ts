/** Writes a gateway's certificate files, and returns the settings that name them in its config. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestCertificates } from './certificates.js';
import { protoFolder, type Teardown } from './gateway.js';

export async function tlsFiles(t: Teardown, { ca, server }: TestCertificates) {
  const folder = await protoFolder(t, {});
  const file = async (name: string, content: Buffer) => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };
  return {
    cert: await file('cert.pem', server.cert),
    key: await file('key.pem', server.key),
    clientCa: await file('ca.pem', ca),
  };
}
