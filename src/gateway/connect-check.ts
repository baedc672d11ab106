/** This module connects to the servers of all upstreams for `check --connect`. It serves nothing. */
import { systemClock } from '../base/clock.js';
import { type Diagnostic, errorAt, warningAt } from '../base/diagnostic.js';
import { Resources } from '../base/resources.js';
import type { Config } from '../config/config.js';
import type { Log } from '../telemetry/log.js';
import { createMetrics } from '../telemetry/metrics.js';
import type { UpstreamReport } from '../upstream/balance/balancer.js';
import { systemLookup } from '../upstream/balance/lookup.js';
import { acquireUpstreams } from './upstreams.js';

/** The milliseconds within which the servers must answer. */
const LIMIT_MS = 5000;

export interface ConnectResult {
  readonly diagnostics: readonly Diagnostic[];
  /** A line of text for each upstream whose servers all answer. */
  readonly answers: readonly string[];
}

export async function connectToAll(config: Config): Promise<ConnectResult> {
  const resources = new Resources();
  const lease = resources.lease();
  const options = { resources, clock: systemClock, lookup: systemLookup, log: NO_LOG, metrics: createMetrics() };
  const diagnostics: Diagnostic[] = [];
  const answers: string[] = [];
  try {
    const upstreams = [...acquireUpstreams(config.upstreams, config.limits.responseBytes, lease, options).values()];
    await Promise.all(upstreams.map((upstream) => upstream.connect(LIMIT_MS)));
    for (const { name, report } of upstreams) {
      const found = problemOf(name, report(), config);
      if (found === undefined) answers.push(`upstream ${name}: ${countOf(report().servers.length)}`);
      else diagnostics.push(found);
    }
  } finally {
    await lease.release();
  }
  return { diagnostics, answers };
}

const ignore = () => {};
const NO_LOG: Log = {
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  request: ignore,
  setLevel: ignore,
  reopen: ignore,
};

function problemOf(name: string, { servers, why }: UpstreamReport, { upstreams }: Config): Diagnostic | undefined {
  const { position = { file: 'options' } } = upstreams.get(name) ?? {};
  if (servers.length === 0) {
    const text = `upstreams.${name}: expected a name that can be looked up: ${why ?? 'there was no answer in time'}`;
    return errorAt(position, 'upstream-unreachable', text);
  }
  const silent = servers.filter(({ state }) => state !== 'ready');
  if (silent.length === 0) return undefined;
  const reasons = silent.map(({ address, why: reason = 'there was no answer in time' }) => `${address}: ${reason}`);
  const text = `upstreams.${name}: expected ${countOf(servers.length)}, got ${countOf(servers.length - silent.length)}; ${reasons.join('; ')}`;
  const isDown = silent.length === servers.length;
  return isDown ? errorAt(position, 'upstream-unreachable', text) : warningAt(position, 'upstream-unreachable', text);
}

function countOf(servers: number): string {
  if (servers === 0) return 'none';
  return servers === 1 ? '1 server that answers' : `${servers} servers that answer`;
}
