import test from 'ava';
import { addressOf, authorityOf, serverNameOf } from '../../src/upstream/endpoint.js';
import { parseTarget, type Target, targetProblem } from '../../src/upstream/target.js';

test('a target is HOST:PORT, with dns: before it or not, or a socket’s path', (t) => {
  const good = [
    '127.0.0.1:1',
    'orders:50051',
    'a-b.c_d.example:65535',
    '[::1]:50051',
    'dns:orders:1',
    'dns:///orders:1',
  ];
  for (const target of [
    ...good,
    'ipv4:10.0.0.1:1,10.0.0.2:1',
    'ipv6:[::1]:1',
    'unix:/run/x.sock',
    'unix:x.sock',
    'unix:///run/x',
  ]) {
    t.is(targetProblem(target), undefined, target);
  }
});

test('an invalid target is refused with what was expected and what was found', (t) => {
  const bad = [
    '',
    'orders',
    ':50051',
    'orders:',
    'orders:0',
    'orders:65536',
    'orders:1x',
    '::1',
    '::1:50051',
    'a b:1',
    'unix:',
  ];
  for (const target of [
    ...bad,
    'http://orders:1',
    'https:orders:1',
    'xds:///orders',
    'orders:1/x',
    'dns:///orders',
    'x:1\n',
    'dns://8.8.8.8/orders:1',
    'ipv4:orders:1',
    'ipv4:10.0.0.1:1,',
    'ipv4:10.0.0.1:1,[::1]:1',
    'ipv6:10.0.0.1:1',
  ]) {
    t.is(
      targetProblem(target),
      `expected HOST:PORT, dns:///HOST:PORT, ipv4:IP:PORT,IP:PORT or unix:/PATH, got '${target}'`,
    );
  }
});

test('a target is a list of addresses, or a name to look up', (t) => {
  const tcp = (host: string, port: number) => ({ kind: 'tcp', host, port });
  const unix = (path: string) => ({ kind: 'unix', path });
  for (const [target, ...endpoints] of [
    ['127.0.0.1:1', tcp('127.0.0.1', 1)],
    ['dns:///127.0.0.1:1', tcp('127.0.0.1', 1)],
    ['[::1]:50051', tcp('::1', 50_051)],
    // The connection itself tries both addresses of localhost.
    ['localhost:50051', tcp('localhost', 50_051)],
    ['ipv4:10.0.0.1:1', tcp('10.0.0.1', 1)],
    ['ipv4:10.0.0.1:1,10.0.0.2:2', tcp('10.0.0.1', 1), tcp('10.0.0.2', 2)],
    ['ipv6:[::1]:1,[2001:db8::1]:2', tcp('::1', 1), tcp('2001:db8::1', 2)],
    ['unix:/run/x.sock', unix('/run/x.sock')],
    ['unix:///run/x.sock', unix('/run/x.sock')],
    ['unix:x.sock', unix('x.sock')],
  ] as const) {
    t.deepEqual(parseTarget(target), { kind: 'addresses', endpoints } as Target, target);
  }
  for (const [target, name, port] of [
    ['dns:///orders:50051', 'orders', 50_051],
    ['dns:orders:1', 'orders', 1],
    ['orders:1', 'orders', 1],
    ['ipv4:1', 'ipv4', 1],
  ] as const) {
    t.deepEqual(parseTarget(target), { kind: 'name', name, port }, target);
  }
});

test('a server is called by the name that was looked up, and by its address where there is none', (t) => {
  const found = { kind: 'tcp', host: '10.0.0.1', port: 1, name: 'orders' } as const;
  for (const [endpoint, authority, serverName, address] of [
    [found, 'orders:1', 'orders', '10.0.0.1:1'],
    [{ ...found, host: '::1' }, 'orders:1', 'orders', '[::1]:1'],
    [{ kind: 'tcp', host: '::1', port: 1 }, '[::1]:1', undefined, '[::1]:1'],
    [{ kind: 'tcp', host: 'localhost', port: 1 }, 'localhost:1', 'localhost', 'localhost:1'],
    [{ kind: 'unix', path: '/run/x' }, 'localhost', undefined, 'unix:/run/x'],
  ] as const) {
    t.deepEqual([authorityOf(endpoint), serverNameOf(endpoint), addressOf(endpoint)], [authority, serverName, address]);
  }
});
