/** Sets of keys on disk as issuers publish them: some keys are for encryption, and some have unknown types. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { planOf, protoFolder, startGateway } from '../../support/gateway.js';
import { startIssuer } from '../../support/issuer.js';

const PROTO = `package acme.v1;
import "google/api/annotations.proto";
message Ask { string id = 1; }
message Reply { string text = 1; }
service Notes { rpc Read(Ask) returns (Reply) { option (google.api.http) = { get: "/v1/notes/{id}" }; } }`;

test('a jwksFile may hold keys that are not for signatures, or of unknown types; only without a usable key it is refused', async (t) => {
  const issuer = await startIssuer(t, 'keycloak');
  const [signing] = issuer.jwks.keys as object[];
  const others = [
    { ...signing, kid: 'enc', use: 'enc', alg: 'RSA-OAEP' },
    { ...signing, kid: 'wrap', use: undefined, alg: 'RSA-OAEP-256' },
    { kty: 'OKP', crv: 'Ed25519', x: 'AAAA', use: 'sig' },
    { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AAAA' },
    { kty: 'oct', k: 'AAAA' },
  ];
  const file = join(await protoFolder(t, {}), 'jwks.json');
  const write = (...keys: object[]) => writeFile(file, JSON.stringify({ keys }));
  await write(...others, signing!);
  const auth = { jwt: [{ issuer: issuer.issuer, audiences: ['api'], jwksFile: file }] };
  const { send, gateway, plan, upstream } = await startGateway(t, PROTO, {}, { auth });
  const get = async (options = {}) => {
    const headers = { authorization: `Bearer ${issuer.sign({ sub: 'ada' }, options)}` };
    return (await send('GET', '/v1/notes/1', { headers })).status;
  };
  t.is(await get(), 200);
  t.is(await get({ header: { kid: 'enc' } }), 401, 'a key for encryption verifies no signature');
  t.is(upstream.calls.length, 1);
  t.deepEqual(
    plan.diagnostics.filter(({ rule }) => rule === 'jwks-key'),
    [],
  );
  const told = /jwksFile: expected a key that can be used; keys\[0\]: use: expected sig \(signatures\), or none/;
  await write(...others);
  await t.throwsAsync(gateway.reload(), { message: told });
  await write(...others, issuer.jwks.keys[1] as object);
  await t.throwsAsync(gateway.reload(), {
    message: /jwksFile: expected a key for RS256, got keys for ES256; name these in algorithms/,
  });
  t.is(await get(), 200, 'the keys loaded before stay');
});

test('check names a key for signatures that can’t be used in a jwksFile that has others', async (t) => {
  const issuer = await startIssuer(t, 'faulty');
  const [good] = issuer.jwks.keys as object[];
  const file = join(await protoFolder(t, {}), 'jwks.json');
  const keys = [good, { ...good, use: 'enc' }, { ...good, n: 'AAAA' }, { ...good, d: 'AAAA' }];
  await writeFile(file, JSON.stringify({ keys }));
  const auth = { jwt: [{ issuer: issuer.issuer, audiences: ['api'], jwksFile: file }] };
  const { diagnostics } = await planOf(t, PROTO, { auth });
  t.deepEqual(
    diagnostics.filter(({ rule }) => rule === 'jwks-key').map(({ severity, text }) => `${severity}: ${text}`),
    [
      'warning: keys[2]: expected 2048 to 8192 bits, got 0; the key is left out',
      'warning: keys[3]: expected a public key, got a private one; the key is left out',
    ],
  );
});
