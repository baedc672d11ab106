/** One of three servers fails under load: what the clients see before the gateway leaves it out, and after. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startProxy } from '../../support/proxy.js';
import { until } from '../../support/until.js';
import { type FaultGateway, startGateway } from '../gateway.js';
import { Load } from '../steady-load.js';
import type { Row, Scenario } from '../scenario.js';
import { type FaultServer, Posts, startServer } from '../servers.js';

const PER_SECOND = 100;
const TIMEOUT_MS = 1000;
const SETTINGS = `timeout: ${TIMEOUT_MS}ms, retry: { maxAttempts: 3, codes: [UNAVAILABLE] }, outlierDetection: {}`;

interface Fault {
  readonly what: string;
  /** Breaks the first server. The returned function mends it. */
  begin(bench: Bench): Promise<void | (() => Promise<void>)>;
  /** How many GETs may fail, and how long after the begin. 0 where a retry reaches another server. */
  readonly getsFor: number;
  /** For how many milliseconds after the begin POSTs may fail. */
  readonly postsFor: number;
}

interface Bench {
  readonly servers: FaultServer[];
  readonly posts: Posts;
  readonly freeze: () => void;
}

const FAULTS: readonly Fault[] = [
  {
    what: 'killed',
    begin: async ({ servers }) => servers[0]!.stop(),
    getsFor: 0,
    postsFor: 500,
  },
  {
    what: 'restarted',
    async begin({ servers, posts }) {
      const [first] = servers;
      await first!.stop();
      servers[0] = await startServer(0, posts, first!.port);
      return async () => {
        await until(() => servers[0]!.calls > 0, 'the restarted server gets calls');
      };
    },
    getsFor: 0,
    postsFor: 500,
  },
  {
    what: 'answers UNAVAILABLE',
    begin: async ({ servers }) => servers[0]!.answer('unavailable'),
    getsFor: 0,
    postsFor: 1000,
  },
  {
    what: 'frozen (SIGSTOP)',
    begin: async ({ servers }) => void servers[0]!.child.kill('SIGSTOP'),
    // A call that hangs has used up its time, so it cannot be sent again.
    getsFor: TIMEOUT_MS + 1000,
    postsFor: TIMEOUT_MS + 1000,
  },
  {
    what: 'slow by 5 s',
    begin: async ({ servers }) => servers[0]!.answer('slow'),
    getsFor: TIMEOUT_MS + 1000,
    postsFor: TIMEOUT_MS + 1000,
  },
  {
    what: 'black-holed',
    begin: async ({ freeze }) => freeze(),
    getsFor: TIMEOUT_MS + 1000,
    postsFor: TIMEOUT_MS + 1000,
  },
];

export const oneOfThree: Scenario = {
  name: 'one-of-three',
  promise: 'one of three servers fails: GETs are answered by the others, no POST is sent twice, and soon none fails',
  isShort: true,
  async *run(isShort) {
    for (const fault of isShort ? FAULTS.filter((_, index) => [0, 2, 3].includes(index)) : FAULTS)
      yield await row(fault);
  },
};

async function row(fault: Fault): Promise<Row> {
  const posts = new Posts();
  const servers = await Promise.all([0, 1, 2].map((index) => startServer(index, posts)));
  const tasks: (() => void | Promise<void>)[] = [];
  const proxy = await startProxy(
    { teardown: (task) => void tasks.push(task) },
    servers[0]!.port,
    () => true,
    '127.0.0.2',
  );
  const targets = [proxy.target, ...servers.slice(1).map(({ target }) => target)];
  let gateway: FaultGateway | undefined;
  try {
    gateway = await startGateway({ upstream: `{ targets: ${JSON.stringify(targets)}, ${SETTINGS} }` });
    const load = new Load(gateway.port, PER_SECOND);
    await sleep(1500);
    const begun = load.now();
    const freeze = () => proxy.swallow();
    await fault.begin({ servers, posts, freeze });
    await sleep(fault.getsFor + 2500);
    const before = servers[0]!.calls;
    await sleep(1000);
    const callsAfter = servers[0]!.calls - before;
    await load.stop();
    const early = [load.failed('GET'), load.failed('POST')];
    const late = [load.failed('GET', begun + fault.getsFor), load.failed('POST', begun + fault.postsFor)];
    return {
      what: `${fault.what}, ${PER_SECOND} requests a second`,
      figures: {
        sent: load.sent,
        'GETs failed': early[0]!,
        'POSTs failed': early[1]!,
        'failed after it was left out': late[0]! + late[1]!,
        'POSTs sent twice': posts.twice,
        'calls a second at the server at the end': callsAfter,
      },
      wrong: late[0]! + late[1]! + posts.twice > 0 ? `broken at ${begun} ms: ${load.reasons()}` : undefined,
    };
  } finally {
    await gateway?.stop();
    for (const server of servers) await server.stop();
    for (const task of tasks) await task();
  }
}
