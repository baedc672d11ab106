import test from 'ava';
import { certificatePrincipal } from '../../../src/policy/access/certificate.js';

test('the first kind of name that a certificate has is the caller', (t) => {
  const both = { subjectAltName: 'DNS:orders.internal, URI:spiffe://example.com/orders', subject: 'O=x\nCN=orders' };
  const rows: readonly [identity: ('uri' | 'dns' | 'cn')[], certificate: typeof both, subject: string | undefined][] = [
    [['uri', 'dns', 'cn'], both, 'spiffe://example.com/orders'],
    [['dns'], both, 'orders.internal'],
    [['cn', 'uri'], both, 'orders'],
    [['uri', 'cn'], { ...both, subjectAltName: 'DNS:a' }, 'orders'],
    [['uri'], { ...both, subjectAltName: 'DNS:a' }, undefined],
    [['cn'], { ...both, subject: 'O=x' }, undefined],
    [['dns'], { ...both, subjectAltName: 'DNS:"a, DNS:admin"' }, undefined],
    [['dns'], { ...both, subjectAltName: 'DNS:"a\\", DNS:admin", DNS:b' }, 'b'],
    [['dns'], { ...both, subjectAltName: 'email:DNS:admin' }, undefined],
    [['dns'], { ...both, subjectAltName: 'DirName:CN=DNS:admin, DNS:b' }, 'b'],
    [['cn'], { ...both, subject: 'CN=ad\u00e9min' }, undefined],
    [['cn'], { ...both, subject: 'CN= admin' }, undefined],
    [['cn'], { ...both, subject: 'CN=admin ' }, undefined],
    [['dns'], { ...both, subjectAltName: 'DNS:admin , DNS:b' }, 'b'],
  ];
  for (const [identity, certificate, subject] of rows) {
    const principal = certificatePrincipal(
      { ...certificate, validTo: 'Dec 31 23:59:59 2030 GMT' },
      { identity, consumerToMetadata: 'x-user-id' },
    );
    t.is(principal?.subject, subject, JSON.stringify(certificate));
    if (subject !== undefined) t.is(principal?.credential.endsAtMs, Date.UTC(2030, 11, 31, 23, 59, 59));
    if (subject !== undefined) t.deepEqual(principal?.metadata, [['x-user-id', subject]]);
  }
});
