/**
 * Makes certificates for TLS tests on demand: no secret is stored in the repository, nothing in it expires, and openssl
 * need not be installed. Node can sign but cannot write X.509, so the few DER structures are here (RFC 5280 §4.1).
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export interface KeyAndCertificate {
  /** The certificate in PEM. */
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface TestCertificates {
  /** The CA that signed both `server` (for `upstream.test`) and `client`. */
  readonly ca: Buffer;
  readonly server: KeyAndCertificate;
  readonly client: KeyAndCertificate;
  /** A CA that signed neither of them. */
  readonly otherCa: Buffer;
  /** A certificate that `otherCa` signed. */
  readonly stranger: KeyAndCertificate;
}

export function certificates(): TestCertificates {
  const ca = issue({ name: 'protogate test CA', isCa: true });
  const other = issue({ name: 'another CA', isCa: true });
  return {
    ca: ca.cert,
    server: issue({ name: 'upstream.test', issuer: ca }),
    client: issue({ name: 'gateway.test', issuer: ca }),
    otherCa: other.cert,
    stranger: issue({ name: 'gateway.test', issuer: other }),
  };
}

/** Returns an authority that signs certificates for any names. */
export function certificateAuthority(): { readonly ca: Buffer; issue(name: string): KeyAndCertificate } {
  const ca = issue({ name: 'protogate test CA', isCa: true });
  return { ca: ca.cert, issue: (name) => issue({ name, issuer: ca }) };
}

interface Issued extends KeyAndCertificate {
  readonly name: string;
}

function issue({ name, issuer, isCa = false }: { name: string; issuer?: Issued; isCa?: boolean }): Issued {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const signer: KeyObject = issuer === undefined ? privateKey : createPrivateKey(issuer.key);
  const now = Date.now();
  const basicConstraints = extension('551d13', true, sequence(isCa ? der(0x01, Buffer.from([0xff])) : Buffer.alloc(0)));
  const subjectAltName = extension('551d11', false, sequence(der(0x82, Buffer.from(name))));
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))), // version 3
    der(0x02, Buffer.from([1, ...Buffer.from(now.toString(16).padStart(16, '0'), 'hex')])), // serial number
    ECDSA_WITH_SHA256,
    commonName(issuer?.name ?? name),
    sequence(utcTime(now - 3_600_000), utcTime(now + 86_400_000)),
    commonName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(basicConstraints, ...(isCa ? [] : [subjectAltName]))),
  );
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, signer)]));
  const certificate = sequence(body, ECDSA_WITH_SHA256, signature).toString('base64');
  const pem = `-----BEGIN CERTIFICATE-----\n${certificate.match(/.{1,64}/g)!.join('\n')}\n-----END CERTIFICATE-----\n`;
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  return { name, cert: Buffer.from(pem), key: Buffer.from(key) };
}

function der(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function commonName(name: string): Buffer {
  return sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(name)))));
}

function utcTime(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}

function extension(id: string, critical: boolean, value: Uint8Array): Buffer {
  return sequence(oid(id), ...(critical ? [der(0x01, Buffer.from([0xff]))] : []), der(0x04, value));
}

const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'));
