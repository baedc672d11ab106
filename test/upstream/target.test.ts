import test from 'ava';
import { authorityOf } from '../../src/upstream/endpoint.js';
import { endpointOf, targetProblem } from '../../src/upstream/target.js';

test('a target is HOST:PORT, with dns: before it or not, or a socket’s path', (t) => {
  const good = [
    '127.0.0.1:1',
    'orders:50051',
    'a-b.c_d.example:65535',
    '[::1]:50051',
    'dns:orders:1',
    'dns:///orders:1',
  ];
  for (const target of [...good, 'dns://8.8.8.8/orders:1', 'unix:/run/x.sock', 'unix:x.sock', 'unix:///run/x']) {
    t.is(targetProblem(target), undefined, target);
  }
});

test('what is none is refused with what was expected and what was found', (t) => {
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
  ]) {
    t.is(targetProblem(target), `expected HOST:PORT, dns:///HOST:PORT or unix:/PATH, got '${target}'`);
  }
});

test('the endpoint of a target is where to connect, whatever its form', (t) => {
  for (const [target, endpoint, authority] of [
    ['127.0.0.1:1', { kind: 'tcp', host: '127.0.0.1', port: 1 }, '127.0.0.1:1'],
    ['dns:///orders:50051', { kind: 'tcp', host: 'orders', port: 50_051 }, 'orders:50051'],
    ['dns:orders:1', { kind: 'tcp', host: 'orders', port: 1 }, 'orders:1'],
    ['ipv4:1', { kind: 'tcp', host: 'ipv4', port: 1 }, 'ipv4:1'],
    ['[::1]:50051', { kind: 'tcp', host: '::1', port: 50_051 }, '[::1]:50051'],
    ['unix:/run/x.sock', { kind: 'unix', path: '/run/x.sock' }, 'localhost'],
    ['unix:///run/x.sock', { kind: 'unix', path: '/run/x.sock' }, 'localhost'],
    ['unix:x.sock', { kind: 'unix', path: 'x.sock' }, 'localhost'],
  ] as const) {
    t.deepEqual(endpointOf(target), endpoint, target);
    t.is(authorityOf(endpointOf(target)), authority);
  }
});
