/** All servers of a name are replaced, again and again, as a rollout does. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startUpstream, type TestUpstream } from '../../support/upstream.js';
import { startGateway } from '../gateway.js';
import { countBy, load } from '../load.js';
import { PROTO } from '../notes.js';
import { type Row, type Scenario, wrongOf } from '../scenario.js';

const PER_SECOND = 100;
const NAME = 'notes.test';
/** The time that the old servers still answer when the name has the new ones. It is looked up again within 1.1 seconds. */
const LINGER_MS = 2500;

/** Gives the name the addresses in a file, for a second. Everything else is looked up as ever. */
function fakeDns(file: string): string {
  return `
    import dns from 'node:dns';
    import { readFileSync } from 'node:fs';
    const real = dns.lookup;
    const found = () => JSON.parse(readFileSync(${JSON.stringify(file)}, 'utf8'));
    dns.lookup = (name, options, done) => name === '${NAME}'
      ? setImmediate(done, null, found().map((address) => ({ address, family: 4 })))
      : real(name, options, done);
    const { Resolver } = dns.promises;
    Resolver.prototype.resolve4 = async () => found().map((address) => ({ address, ttl: 1 }));
    Resolver.prototype.resolve6 = async () => [];`;
}

export const replacedServers: Scenario = {
  name: 'replaced-servers',
  promise: 'all servers of a name are replaced under load, and no request fails',
  isShort: true,
  async *run(isShort) {
    yield await rounds(isShort ? 2 : 10);
  },
};

/** Starts three servers on addresses that no earlier round has. */
async function generation(round: number, port: number): Promise<TestUpstream[]> {
  const started: TestUpstream[] = [];
  for (let i = 0; i < 3; i++) {
    const host = `127.0.${round + 1}.${i + 2}`;
    started.push(
      await startUpstream(PROTO, { Get: { message: { text: 'got' } } }, { host, port: started[0]?.port ?? port }),
    );
  }
  return started;
}

async function rounds(count: number): Promise<Row> {
  const folder = mkdtempSync(join(tmpdir(), 'protogate-faults-'));
  const file = join(folder, 'addresses.json');
  let servers = await generation(0, 0);
  const { port } = servers[0]!;
  const publish = () => writeFileSync(file, JSON.stringify(servers.map(({ target }) => target.replace(/:.*/, ''))));
  publish();
  const upstreams = `{ a: { target: "dns:///${NAME}:${port}" } }`;
  const gateway = await startGateway({ upstreams, preload: fakeDns(file), grace: '0s' });
  const shots = load({ port: gateway.port, perSecond: PER_SECOND, seconds: 1 + count * (LINGER_MS / 1000 + 0.5) });
  let unused = 0;
  try {
    await sleep(1000);
    for (let round = 1; round <= count; round++) {
      const before = servers;
      servers = await generation(round, port);
      publish();
      // Servers that get the signal to end still answer for a while, because the change takes its time.
      await sleep(LINGER_MS);
      for (const old of before) await old.close();
      unused += countBy(servers, ({ calls }) => calls.length === 0);
    }
    const all = await shots;
    const failed = all.filter(({ status }) => status !== 200);
    return {
      what: `3 servers replaced ${count} times, ${PER_SECOND} requests a second`,
      figures: { sent: all.length, failed: failed.length, 'new servers without a call': unused },
      wrong: wrongOf({
        [`${failed.length} requests failed: ${[...new Set(failed.map(({ status, reason }) => `${status} ${reason}`))]}`]:
          failed.length > 0,
        'new servers got no call': unused > 0,
      }),
    };
  } finally {
    await gateway.stop();
    for (const one of servers) await one.close().catch(() => {});
    rmSync(folder, { recursive: true });
  }
}
