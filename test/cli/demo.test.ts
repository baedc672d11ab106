/** `protogate demo` as a newcomer meets it: every curl line that it prints works. */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import test from 'ava';
import { tour } from '../../src/demo/tour.js';
import { serving } from '../support/run.js';

const run = promisify(execFile);

test('each curl line of the demo answers what its title says, in any order and twice', async (t) => {
  const demo = await serving(['demo', '--port', '0', '--admin-port', '0']);
  t.teardown(demo.stop);
  t.regex(demo.line, /^listening on http:\/\/127\.0\.0\.1:\d+: \d+ routes of 4 services$/);
  for (let waited = 0; !demo.stderr().includes('Ctrl-C') && waited < 3000; waited += 20) await sleep(20);
  const stops = tour(demo.url);
  t.true(stops.length >= 20);
  const credentials = [...demo.stderr().matchAll(/^export (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]);
  t.deepEqual(
    credentials.map(([name]) => name),
    ['INES', 'CLERK', 'KEY'],
  );
  const env = { ...process.env, ...Object.fromEntries(credentials) };
  for (const stop of [...stops, ...stops.toReversed()]) {
    const { stdout } = await run('bash', ['-c', `${stop.curl} -w '\\n%{http_code}'`], { env });
    const cut = stdout.lastIndexOf('\n');
    const body = stdout.slice(0, cut);
    t.is(Number(stdout.slice(cut + 1)), stop.expect.status, `${stop.title}: ${stop.curl}\n${body}`);
    if (stop.expect.contains !== undefined) t.true(body.includes(stop.expect.contains), `${stop.title}\n${body}`);
  }
  for (const { curl, title } of stops) t.true(demo.stderr().includes(curl), `printed: ${title}`);
  t.is(await demo.stop(), 0);
});
