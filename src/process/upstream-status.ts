/** This module reports the upstreams of a serving process: for `/readyz`, and in the log at the start. */
import type { Readiness } from '../admin/admin.js';
import type { RunningGateway } from '../gateway/gateway.js';
import type { Log } from '../telemetry/log.js';
import type { UpstreamReport } from '../upstream/balance/balancer.js';
import type { MemberReport, MemberState } from '../upstream/balance/member.js';

export type UpstreamReports = Readiness['upstreams'];

/** The time that `/readyz` waits for an upstream that must answer (`admin.readiness.upstreams`) and is not connected yet. */
const READY_LIMIT_MS = 500;
/** The time after which the log entries of the start report servers as not answering. */
const START_LIMIT_MS = 5000;

/** Returns the reports of all upstreams. Before that, it connects to the upstreams in `counted`, for at most 500 ms. */
export async function reportUpstreams(
  { snapshots }: Pick<RunningGateway, 'snapshots'>,
  counted: readonly string[],
): Promise<UpstreamReports> {
  const { upstreams } = snapshots.current;
  await Promise.all(counted.map((name) => upstreams.get(name)?.connect(READY_LIMIT_MS)));
  return new Map([...upstreams].map(([name, upstream]) => [name, upstream.report()]));
}

/** Returns whether a process in `state` is ready, and why it is not. `counted` are the upstreams that must answer. */
export function readinessOf(
  state: string,
  upstreams: UpstreamReports,
  counted: readonly string[],
): Pick<Readiness, 'ready' | 'state' | 'why' | 'upstreams'> {
  if (state !== 'serving') return { ready: false, state, upstreams };
  const down = counted.filter((name) => upstreams.get(name)?.state !== 'ready');
  if (down.length === 0) return { ready: true, state, upstreams };
  return { ready: false, state, why: `no server of the upstream ${down.join(', ')} answers`, upstreams };
}

/**
 * Joins the reports of several workers. The worst state of each server and of each upstream is shown, so that one worker
 * that cannot reach a server is seen. States such as `idle`, of a worker that has not used a server yet, count as better than
 * `ready`, so they do not hide the states of other workers.
 */
export function joinReports(reports: readonly UpstreamReports[]): UpstreamReports {
  const joined = new Map<string, UpstreamReport>();
  for (const report of reports) {
    for (const [name, one] of report) {
      const before = joined.get(name);
      joined.set(name, before === undefined ? one : joinTwo(before, one));
    }
  }
  return joined;
}

function joinTwo(one: UpstreamReport, two: UpstreamReport): UpstreamReport {
  const servers = new Map<string, MemberReport>();
  for (const server of [...one.servers, ...two.servers]) {
    const before = servers.get(server.address);
    if (before === undefined || rank(server.state) > rank(before.state)) servers.set(server.address, server);
  }
  const worse = rank(two.state) > rank(one.state) ? two : one;
  return { ...worse, isPanic: one.isPanic || two.isPanic, servers: [...servers.values()] };
}

const WORST_LAST: readonly UpstreamReport['state'][] = [
  'looking up',
  'idle',
  'connecting',
  'ready',
  'ejected',
  'unhealthy',
  'unreachable',
  'unknown name',
  'closed',
];

function rank(state: UpstreamReport['state']): number {
  return WORST_LAST.indexOf(state);
}

/** Connects to all upstreams, and writes to the log for each of them whether it answers. */
export async function logUpstreams({ snapshots }: Pick<RunningGateway, 'snapshots'>, log: Log): Promise<void> {
  await Promise.all(
    [...snapshots.current.upstreams].map(async ([name, upstream]) => {
      await upstream.connect(START_LIMIT_MS);
      const { state, servers, why = 'no answer yet' } = upstream.report();
      if (state === 'closed') return;
      const answering = servers.filter((server) => answers(server.state)).length;
      if (answering > 0 && answering === servers.length) {
        log.info({ upstream: name, servers: answering }, 'an upstream answers');
        return;
      }
      const silent = servers.filter((server) => !answers(server.state));
      const told = silent.map((server) => `${server.address}: ${server.why ?? 'no answer yet'}`);
      log.warn({ upstream: name, servers: told.length > 0 ? told : [why] }, 'an upstream does not answer');
    }),
  );
}

function answers(state: MemberState): boolean {
  return state === 'ready';
}
