/**
 * A real token issuer for tests, on 127.0.0.1 and a port of its own: it publishes a JWK Set over HTTP, signs tokens with an
 * RSA and an EC key, rotates them, and misbehaves on demand.
 *
 *     const issuer = await startIssuer(t);
 *     issuer.sign({ sub: 'ada' });                // RS256, aud api, expires in five minutes
 *     issuer.mode = 'down';
 *
 * It ends with the test. `forge` makes tokens that no issuer would sign.
 */
import {
  createHmac,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  type KeyPairKeyObjectResult,
  sign as signBytes,
} from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { rsaKeys } from './rsa-keys.js';
import { keepSecret } from './secrets.js';

interface Teardown {
  teardown(task: () => void | Promise<void>): void;
}

/**
 * The answer to a request for the keys: `down` cuts the connection, `hang` never answers, `half` stalls after the head,
 * `cut` ends the connection after half the body, `huge` sends up to 100 MB.
 */
export type IssuerMode = 'ok' | 'down' | 'hang' | 'half' | 'cut' | 'huge' | 'redirect' | 'garbage' | '500';

export interface SignOptions {
  /** The algorithm; RS256 by default. */
  readonly alg?: 'RS256' | 'ES256';
  /** Header fields that are added to the `alg`, `typ` and `kid` of the key, or replace them. `kid: undefined` leaves it out. */
  readonly header?: Readonly<Record<string, unknown>>;
}

export interface TestIssuer {
  readonly url: string;
  readonly jwksUri: string;
  /** The `iss` of its tokens. */
  readonly issuer: string;
  readonly rsa: SigningKey;
  readonly ec: SigningKey;
  /** The number of requests for the keys so far. */
  readonly fetches: number;
  /** The number of bytes that were sent in mode `huge`. */
  readonly sentBytes: number;
  mode: IssuerMode;
  /** The published set; tests may change it. */
  jwks: { keys: unknown[] };
  /** Signs the claims, together with `iss`, `aud: api`, and `exp` in five minutes. A claim of undefined is left out. */
  sign(claims: Readonly<Record<string, unknown>>, options?: SignOptions): string;
  /** Makes new keys with new ids. The old ones are no longer published. */
  rotate(): void;
  /** Resolves at the next request for the keys. */
  nextFetch(): Promise<void>;
}

export interface SigningKey {
  readonly kid: string;
  readonly alg: 'RS256' | 'ES256';
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export async function startIssuer(t: Teardown, name = 'issuer'): Promise<TestIssuer> {
  const waiting: (() => void)[] = [];
  let generation = 0;
  const used: KeyPair[] = [];
  let current = keysOf(name, generation, used);
  let fetches = 0;
  let sentBytes = 0;
  const server = createServer((request, response) => {
    fetches++;
    for (const resolve of waiting.splice(0)) resolve();
    void answer(issuer, request, response, (bytes) => {
      sentBytes += bytes;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
    unused.push(...used);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer: TestIssuer = {
    url,
    jwksUri: `${url}/jwks.json`,
    issuer: `https://${name}.test`,
    get rsa() {
      return current.rsa;
    },
    get ec() {
      return current.ec;
    },
    get fetches() {
      return fetches;
    },
    get sentBytes() {
      return sentBytes;
    },
    mode: 'ok',
    jwks: publish(current),
    sign(claims, { alg = 'RS256', header = {} } = {}) {
      const { kid, privateKey } = alg === 'RS256' ? current.rsa : current.ec;
      const exp = Math.floor(Date.now() / 1000) + 300;
      const payload = { iss: issuer.issuer, aud: 'api', exp, ...claims };
      const signed = `${encode({ alg, typ: 'JWT', kid, ...header })}.${encode(payload)}`;
      const signature = signBytes('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      return keepSecret(`${signed}.${signature.toString('base64url')}`);
    },
    rotate() {
      current = keysOf(name, ++generation, used);
      issuer.jwks = publish(current);
    },
    nextFetch: () => new Promise((resolve) => waiting.push(resolve)),
  };
  return issuer;
}

async function answer(
  issuer: TestIssuer,
  request: IncomingMessage,
  response: ServerResponse,
  sent: (bytes: number) => void,
): Promise<void> {
  const body = JSON.stringify(issuer.jwks);
  switch (issuer.mode) {
    case 'ok':
      // The target of a redirect would answer with good keys, but the gateway must not ask it.
      return void response.end(body);
    case 'down':
      return void request.socket.destroy();
    case 'hang':
      return;
    case 'half':
      return response.writeHead(200, { 'content-length': body.length }).flushHeaders();
    case 'cut':
      response.writeHead(200, { 'content-length': body.length }).write(body.slice(0, body.length / 2));
      return void setTimeout(() => request.socket.destroy(), 20);
    case 'huge': {
      const chunk = Buffer.alloc(100_000, ' ');
      for (let i = 0; i < 1000 && !response.destroyed; i++) {
        sent(chunk.length);
        // The promise also resolves when the connection ends.
        await new Promise((resolve) => response.write(chunk, resolve));
      }
      return void response.end(body);
    }
    case 'redirect':
      issuer.mode = 'ok';
      return void response.writeHead(302, { location: issuer.jwksUri }).end(body);
    case 'garbage':
      return void response.end('<html>sesame</html>');
    case '500':
      return void response.writeHead(500).end(body);
  }
}

/** Joins the parts to a token: text stays as it is, objects become base64url JSON. */
export function forge(header: object | string, payload: object | string, signature = ''): string {
  const [head, body] = [header, payload].map((part) => (typeof part === 'string' ? part : encode(part)));
  return `${head}.${body}.${signature}`;
}

/** Returns a token that is signed with a shared secret. */
export function signWithSecret(header: object, payload: object, secret: string | Buffer): string {
  const signed = `${encode(header)}.${encode(payload)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

/** Returns the public JWK of a key. */
export function jwkOf({ kid, alg, publicKey }: SigningKey): JsonWebKey {
  return { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

interface IssuerKeys {
  readonly rsa: SigningKey;
  readonly ec: SigningKey;
}

function publish({ rsa, ec }: IssuerKeys): { keys: unknown[] } {
  return { keys: [jwkOf(rsa), jwkOf(ec)] };
}

type KeyPair = KeyPairKeyObjectResult;

/** RSA keys of issuers that have ended. Making an RSA key takes a tenth of a second of CPU, so the next issuers use them. */
const unused: KeyPair[] = [];

/** Returns keys that no running issuer has, and adds the RSA key to `used`. */
function keysOf(name: string, generation: number, used: KeyPair[]): IssuerKeys {
  const id = `${name}-${generation}`;
  const rsa = unused.pop() ?? rsaKeys();
  used.push(rsa);
  return {
    rsa: { kid: `${id}-rsa`, alg: 'RS256', ...rsa },
    ec: { kid: `${id}-ec`, alg: 'ES256', ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) },
  };
}
