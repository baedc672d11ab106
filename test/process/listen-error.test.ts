/** The errors of an address on which the gateway cannot listen name the address and say what to do. */
import { createServer } from 'node:http';
import test from 'ava';
import { listenError } from '../../src/process/run-server.js';

const listen = (host: string, port: number) =>
  new Promise<unknown>((resolve, reject) => {
    const server = createServer().once('error', resolve);
    server.listen(port, host, () => reject(new Error(`${host}:${port} is free`)));
  });

test('an address that this machine does not have, and a name without an address', async (t) => {
  const told = async (host: string) => String(listenError(await listen(host, 0), { host, port: 0 }, '--port'));
  t.is(
    await told('192.0.2.1'),
    'Error: cannot listen on 192.0.2.1:0: this machine does not have the address; 0.0.0.0 means all of its addresses (EADDRNOTAVAIL)',
  );
  t.regex(
    await told('no-such-name.invalid'),
    /^Error: cannot listen on no-such-name\.invalid:0: the name of the host /,
  );
  const other = new Error('other');
  t.is(listenError(other, { host: '::1', port: 80 }, '--port'), other, 'an unknown reason is not changed');
});
