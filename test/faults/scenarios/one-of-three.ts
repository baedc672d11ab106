/** One of three servers fails under load: what the clients see before the gateway leaves it out, and after. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Proxy as FrozenProxy, startProxy } from '../../support/proxy.js';
import { startGateway } from '../gateway.js';
import { countBy, load, type Shot } from '../load.js';
import { type Row, type Scenario, wrongOf } from '../scenario.js';
import { type Service, startService } from '../service.js';

const GETS_PER_SECOND = 90;
const POSTS_PER_SECOND = 10;
const TIMEOUT_MS = 1000;
/** The time that the servers work before one of them fails. */
const WELL_MS = 1500;
const SETTINGS = `timeout: ${TIMEOUT_MS}ms, retry: { maxAttempts: 3, codes: [UNAVAILABLE] }, outlierDetection: {}`;
const WELL = { kind: 'answer', delayMs: 5 } as const;
/**
 * A call that hangs has used up its time, so it cannot be sent again: such calls fail until the server is left out. That is
 * after five time-outs, or when its connections have been silent for about a second.
 */
const HANGING_MS = TIMEOUT_MS + 1000;

interface Servers {
  /** The server that fails. */
  first: Service;
  readonly proxy: FrozenProxy;
  readonly restart: () => Promise<Service>;
}

interface Fault {
  readonly what: string;
  begin(servers: Servers): Promise<void> | void;
  /** The milliseconds after the begin within which GETs may fail, and POSTs. */
  readonly getsMs: number;
  readonly postsMs: number;
  /** True if the server must get calls again at the end. */
  readonly isBack?: boolean;
}

const FAULTS: readonly Fault[] = [
  { what: 'killed', begin: ({ first }) => first.stop(), getsMs: 0, postsMs: 500 },
  {
    what: 'answers UNAVAILABLE',
    begin: ({ first }) => first.behave({ kind: 'status', code: 14 }),
    getsMs: 0,
    postsMs: 1000,
  },
  {
    what: 'frozen (SIGSTOP)',
    begin: ({ first }) => void process.kill(first.pid, 'SIGSTOP'),
    getsMs: HANGING_MS,
    postsMs: HANGING_MS,
  },
  {
    what: 'restarted',
    async begin(servers) {
      await servers.first.stop();
      servers.first = await servers.restart();
    },
    getsMs: 0,
    postsMs: 500,
    isBack: true,
  },
  {
    what: 'slow by 5 s',
    begin: ({ first }) => first.behave({ kind: 'answer', delayMs: 5000 }),
    getsMs: HANGING_MS,
    postsMs: HANGING_MS,
  },
  { what: 'black-holed', begin: ({ proxy }) => proxy.swallow(), getsMs: HANGING_MS, postsMs: HANGING_MS },
];

export const oneOfThree: Scenario = {
  name: 'one-of-three',
  promise: 'one of three servers fails: GETs go to the others, no POST is sent twice, and soon no request fails',
  isShort: true,
  async *run(isShort) {
    for (const fault of isShort ? FAULTS.slice(0, 3) : FAULTS) yield await row(fault);
  },
};

async function row(fault: Fault): Promise<Row> {
  const posts = new Map<string, number>();
  const onPost = (request: string) => void posts.set(request, (posts.get(request) ?? 0) + 1);
  const [first, ...others] = await Promise.all([0, 1, 2].map(() => startService(WELL, { onPost })));
  const firstPort = Number(new URL(`http://${first!.target}`).port);
  const tasks: (() => void | Promise<void>)[] = [];
  const proxy = await startProxy({ teardown: (task) => void tasks.push(task) }, firstPort);
  const servers: Servers = {
    first: first!,
    proxy,
    restart: () => startService(WELL, { port: firstPort, onPost }),
  };
  const targets = [proxy.target, ...others.map(({ target }) => target)];
  const upstreams = `{ a: { targets: ${JSON.stringify(targets)}, ${SETTINGS} } }`;
  const gateway = await startGateway({ upstreams, grace: '0s' });
  try {
    const { port } = gateway;
    const seconds = (WELL_MS + fault.getsMs + (fault.isBack === true ? 8000 : 4000)) / 1000;
    const gets = load({ port, perSecond: GETS_PER_SECOND, seconds });
    const posting = {
      port,
      seconds,
      perSecond: POSTS_PER_SECOND,
      method: 'POST',
      path: () => '/v1/notes',
      body: (id: string) => JSON.stringify({ id }),
    };
    const sent = load(posting);
    await sleep(WELL_MS);
    await fault.begin(servers);
    const [got, made] = await Promise.all([gets, sent]);
    // The server that was restarted has counted from its start.
    const isBack = fault.isBack !== true || (await servers.first.counts()).calls > 0;
    const late = countLate(got, fault.getsMs) + countLate(made, fault.postsMs);
    const twice = [...posts.values()].filter((count) => count > 1).length;
    return {
      what: `${fault.what}, ${GETS_PER_SECOND} GETs and ${POSTS_PER_SECOND} POSTs a second`,
      figures: {
        sent: got.length + made.length,
        'GETs failed': countBy(got, isFailed),
        'POSTs failed': countBy(made, isFailed),
        'failed later': late,
        'POSTs sent twice': twice,
      },
      wrong: wrongOf({
        [`${late} requests failed after the server was left out: ${described([...got, ...made])}`]: late > 0,
        [`${twice} POSTs were sent twice`]: twice > 0,
        'the server got no calls when it was back': !isBack,
      }),
    };
  } finally {
    await gateway.stop();
    for (const service of [servers.first, ...others]) await service.stop();
    for (const task of tasks) await task();
  }
}

function isFailed({ status }: Shot): boolean {
  return status !== 200;
}

/** Counts the failed requests that were sent later than `afterMs` after the begin of the fault. */
function countLate(shots: readonly Shot[], afterMs: number): number {
  return countBy(shots, (shot) => isFailed(shot) && shot.atMs > WELL_MS + afterMs);
}

function described(shots: readonly Shot[]): string {
  const failed = shots.filter(isFailed);
  const times = failed.map(({ atMs }) => Math.round(atMs - WELL_MS));
  return `${[...new Set(failed.map(({ status, reason }) => `${status} ${reason}`))].join(', ')}, sent ${Math.min(...times)} to ${Math.max(...times)} ms after the begin`;
}
