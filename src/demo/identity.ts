/**
 * The identities of the demo: an issuer that publishes its keys as a JWK Set on this machine, two tokens that it has signed,
 * and an API key. They are made when the demo starts, and are removed when it ends.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface DemoIdentity {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithm: 'ES256';
  readonly jwksUri: string;
  /** The path of `keys.yaml`, which contains the digest of the API key. */
  readonly keyFile: string;
  /** The values of the shell variables that the requests of the tour use, by the names of the variables. */
  readonly credentials: ReadonlyMap<string, string>;
  close(): Promise<void>;
}

const AUDIENCE = 'shop';
const LIFETIME_S = 86_400;

/** Makes the identities. Rejects when there is no free port or no temporary folder. */
export async function openIdentity(): Promise<DemoIdentity> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwks = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'demo', alg: 'ES256' }] });
  const server = createServer((_req, res) => void res.setHeader('content-type', 'application/json').end(jwks));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = await mkdtemp(join(tmpdir(), 'protogate-demo-'));
  const keyFile = join(folder, 'keys.yaml');
  const key = `pg_${randomBytes(32).toString('base64url')}`;
  const sha256 = createHash('sha256').update(key).digest('hex');
  await writeFile(keyFile, `keys:\n  - { sha256: "${sha256}", consumer: warehouse, scopes: [reports.read] }\n`);
  const token = (claims: object) => signed({ iss: issuer, aud: AUDIENCE, ...claims }, privateKey);
  return {
    issuer,
    audience: AUDIENCE,
    algorithm: 'ES256',
    jwksUri: `${issuer}/jwks.json`,
    keyFile,
    credentials: new Map([
      ['INES', token({ sub: 'ines', customer: 'ines' })],
      ['CLERK', token({ sub: 'clerk', scope: 'reports.read' })],
      ['KEY', key],
    ]),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Returns a JWT (RFC 7519), signed with ES256 (RFC 7518 §3.4). */
function signed(claims: object, key: KeyObject): string {
  const exp = Math.floor(Date.now() / 1000) + LIFETIME_S;
  const parts = [
    { alg: 'ES256', typ: 'JWT', kid: 'demo' },
    { ...claims, exp },
  ].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  const text = parts.join('.');
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}
