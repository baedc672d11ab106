/** Tests the methods that the answer to a CORS preflight allows. test/policy/access has the rest of CORS. */
import test, { type ExecutionContext } from 'ava';
import { startGateway } from '../support/gateway.js';

const origin = 'https://app.example.com';

async function allowed(t: ExecutionContext, kind: string): Promise<readonly string[]> {
  const proto = `package a.v1; import "google/api/annotations.proto"; message M { string id = 1; }
service S { rpc Get(M) returns (M) { option (google.api.http) = { custom { kind: "${kind}" path: "/v1/{id}" } }; } }`;
  const { send } = await startGateway(t, proto, {}, { cors: { origins: [origin] } });
  const headers = { origin, 'access-control-request-method': 'PURGE' };
  return String((await send('OPTIONS', '/v1/1', { headers })).headers['access-control-allow-methods']).split(',');
}

test('a preflight allows the methods of custom rules, which browsers would refuse otherwise', async (t) => {
  const usual = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'PATCH'];
  t.deepEqual(await allowed(t, 'PURGE'), [...usual, 'PURGE']);
  t.deepEqual(await allowed(t, 'GET'), usual);
  t.true((await allowed(t, '*')).includes('PURGE'));
});
