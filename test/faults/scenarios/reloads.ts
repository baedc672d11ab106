/** Reloads under load, by signal and by changed files: configs and protos take turns, and broken ones are in between. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../support/until.js';
import { type Client, events, halfSent, http2, keepAlive, newConnections, webSockets } from '../clients.js';
import { type FaultGateway, startGateway } from '../gateway.js';
import { COLLECTS, type Memory, memoryAfterCollection } from '../live-memory.js';
import { LIMIT } from '../notes.js';
import type { Row, Scenario } from '../scenario.js';
import { Tally } from '../tally.js';

const MIX: readonly (readonly [number, Client])[] = [
  [6, keepAlive],
  [2, newConnections],
  [4, halfSent],
  [4, http2],
  [4, events],
  [4, webSockets],
];

/**
 * The number of times that garbage is collected and the memory is read. Without it, the engine of one process lets 120 MiB of
 * garbage pile up in 3,600 reloads, and only then the resident memory stays at its level.
 */
const SAMPLES = 10;
/** The memory that each process may have more at the end than after half of the reloads. */
const MOST_GROWTH = { liveMiB: 2, residentMiB: 16 };
/** The number of changes of which one is broken, and refused. */
const BROKEN_EVERY = 10;

export const reloads: Scenario = {
  name: 'reloads',
  promise: 'reloads lose no request, refill no limit, open no connection to an upstream again and leak nothing',
  isShort: true,
  async *run(isShort, only) {
    const rounds = isShort ? 30 : 1000;
    for (const workers of isShort ? [2] : [1, 2]) {
      for (const cause of ['SIGHUP', 'watch'] as const) {
        if (nameOf(cause, workers).includes(only)) yield await reloaded(cause, workers, rounds);
      }
    }
  },
};

function nameOf(cause: 'SIGHUP' | 'watch', workers: number): string {
  return `${cause}, ${workers === 1 ? '1 process' : `${workers} workers`}`;
}

async function reloaded(cause: 'SIGHUP' | 'watch', workers: number, rounds: number): Promise<Row> {
  const gateway = await startGateway({ workers, flags: cause === 'watch' ? ['--watch'] : [], preload: COLLECTS });
  const tally = new Tally();
  const stop = new AbortController();
  const target = { port: gateway.port, tls: false, everyMs: 250, stop: stop.signal };
  const clients = MIX.flatMap(([count, client]) => Array.from({ length: count }, () => client(target, tally)));
  const limited = { passed: 0, refused: 0, other: 0 };
  const counting = callLimited(gateway, stop.signal, limited);
  const versions = versionsOf(gateway);
  let [refused, longestMs] = [0, 0];
  const memory: Memory[] = [];
  let connections = 0;
  try {
    await sleep(1500);
    connections = await gateway.upstreamConnections();
    for (let round = 0; round < rounds; round++) {
      const isBroken = round % BROKEN_EVERY === BROKEN_EVERY - 1;
      const begun = Date.now();
      await change(gateway, cause, () => versions.write(round, isBroken), isBroken ? 'reload refused' : '"reloaded"');
      longestMs = Math.max(longestMs, Date.now() - begun);
      if (isBroken) refused++;
      if ((round + 1) % (rounds / SAMPLES) === 0) memory.push(await memoryAfterCollection(gateway));
    }
    await sleep(500);
    stop.abort();
    await Promise.all([...clients, counting]);
    const opened = (await gateway.upstreamConnections()) - connections;
    const [half, end] = [memory[SAMPLES / 2 - 1]!, memory[SAMPLES - 1]!];
    const processes = workers === 1 ? 1 : workers + 1;
    const { sent, answered, lostCount } = tally;
    return {
      what: nameOf(cause, workers),
      figures: {
        reloads: rounds - refused,
        refused,
        sent,
        answered,
        lost: lostCount,
        'limited calls that passed': limited.passed,
        'new connections to the upstream': opened,
        'live MiB after half, at the end': `${half.liveMiB}, ${end.liveMiB}`,
        'resident MiB': `${half.residentMiB}, ${end.residentMiB}`,
        'longest ms': longestMs,
      },
      wrong: whatIsWrong({ tally, limited, opened, half, end, processes }),
    };
  } finally {
    stop.abort();
    await gateway.stop();
  }
}

interface Outcome {
  readonly tally: Tally;
  readonly limited: { readonly passed: number; readonly refused: number; readonly other: number };
  readonly opened: number;
  readonly half: Memory;
  readonly end: Memory;
  readonly processes: number;
}

function whatIsWrong({ tally, limited, opened, half, end, processes }: Outcome): string | undefined {
  if (tally.lostCount + tally.refused > 0) return `${tally.reasons}, ${tally.refused} connections refused`;
  const most = limited.refused > 0 ? LIMIT : limited.passed;
  if (limited.passed !== most || limited.other > 0)
    return `${limited.passed} calls passed a limit of ${LIMIT}, ${limited.other} had another answer`;
  if (opened > 0) return `${opened} new connections to the upstream`;
  for (const kind of ['liveMiB', 'residentMiB'] as const) {
    const grown = end[kind] - half[kind];
    if (grown > MOST_GROWTH[kind] * processes) return `${kind} grew by ${grown.toFixed(1)} in the second half`;
  }
  return undefined;
}

/** Makes a change, and waits until the log says what came of it. */
async function change(gateway: FaultGateway, cause: string, write: () => void, outcome: string): Promise<void> {
  const seen = gateway.stderr().length;
  write();
  if (cause === 'SIGHUP') process.kill(gateway.pid, 'SIGHUP');
  await until(() => gateway.stderr().slice(seen).includes(outcome), `the log says ${outcome}`);
}

/** The files of the gateway in turn: another config, another proto, and sometimes a broken one of either. */
function versionsOf({ folder }: FaultGateway) {
  const [config, proto] = [join(folder, 'protogate.yaml'), join(folder, 'a.proto')];
  const quiet = `${readFileSync(config, 'utf8')}log: { sample: 0 }\n`;
  const plain = readFileSync(proto, 'utf8');
  const put = (file: string, text: string) => {
    writeFileSync(`${file}.tmp`, text);
    renameSync(`${file}.tmp`, file);
  };
  return {
    write(round: number, isBroken: boolean) {
      // A file that was broken in the last round is mended by this one.
      const file = Math.floor(round / 2) % 2 === 0 ? config : proto;
      const other = file === config ? proto : config;
      const good = (one: string) =>
        one === config
          ? `${quiet}json: { emitDefaults: ${round % 4 === 0} }\nlimits: { bodyBytes: ${(round % 7) + 1}MiB }\n`
          : `${plain}message Added${round} { string a = 1; }\nservice Other${round % 3} { rpc Get(Ask) returns (Reply) { option (google.api.http) = { get: "/v1/other${round}" }; } }\n`;
      if (isBroken) put(file, file === config ? `${quiet}no: 1\n` : `${plain}message {`);
      else if (round % BROKEN_EVERY === 0) {
        put(other, good(other));
        put(file, good(file));
      } else put(file, good(file));
    },
  };
}

async function callLimited(
  { url }: FaultGateway,
  stop: AbortSignal,
  counts: { passed: number; refused: number; other: number },
): Promise<void> {
  while (!stop.aborted) {
    const status = await fetch(`${url}/v1/limited`).then(
      async (response) => {
        await response.arrayBuffer();
        return response.status;
      },
      () => 0,
    );
    if (status === 200) counts.passed++;
    else if (status === 429) counts.refused++;
    else counts.other++;
    await sleep(50);
  }
}
