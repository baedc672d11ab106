/**
 * Asks a server for its health, by the rpc `grpc.health.v1.Health/Check`. The health changes only after several equal answers
 * in a row, so that one lost answer does not make a server unhealthy.
 */
import type { Clock } from '../../base/clock.js';
import type { CallMethod, CallRequest, CallResponse } from '../../call/call.js';
import { NO_METADATA } from '../../call/metadata.js';
import { Code } from '../../status/code.js';
import { StatusError } from '../../status/status-error.js';
import { isUnreachable, reasonOf } from '../outcome.js';

export interface HealthSettings {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** The name of the service whose health is asked for. The empty name means the server as a whole. */
  readonly service: string;
  /** The number of good answers in a row after which an unhealthy server counts as healthy. */
  readonly healthyThreshold: number;
  /** The number of bad or missing answers in a row after which a healthy server counts as unhealthy. */
  readonly unhealthyThreshold: number;
}

/**
 * The result of one check. `absent` means that the server has no health service, so it counts as healthy. `unreachable` means
 * that there was no connection, so the server could not be asked.
 */
export type Checked =
  | { readonly kind: 'healthy' | 'absent' }
  | { readonly kind: 'unreachable'; readonly error: unknown }
  | { readonly kind: 'unhealthy'; readonly reason: string };

/** The health of a server according to its checks so far. It is `unknown` until a check has had an answer. */
export class HealthRecord {
  state: 'unknown' | 'healthy' | 'unhealthy' = 'unknown';
  private streak = 0;

  constructor(private readonly settings: Pick<HealthSettings, 'healthyThreshold' | 'unhealthyThreshold'>) {}

  /**
   * Counts the result of a check. Returns true if `state` has changed. The first result decides without the thresholds. A check
   * without a connection changes nothing.
   */
  note({ kind }: Checked): boolean {
    if (kind === 'unreachable') return false;
    const found = kind === 'unhealthy' ? 'unhealthy' : 'healthy';
    this.streak = found === this.state ? 0 : this.streak + 1;
    const { healthyThreshold, unhealthyThreshold } = this.settings;
    const needed = this.state === 'unknown' ? 1 : found === 'healthy' ? healthyThreshold : unhealthyThreshold;
    if (this.streak < needed) return false;
    this.state = found;
    this.streak = 0;
    return true;
  }
}

export interface HealthCheckOptions {
  readonly settings: HealthSettings;
  readonly clock: Clock;
  readonly call: (request: CallRequest) => Promise<CallResponse>;
  readonly onChecked: (checked: Checked) => void;
  readonly random?: () => number;
}

const METHOD: CallMethod = { path: '/grpc.health.v1.Health/Check', clientStreaming: false, serverStreaming: false };
/**
 * The width of the range from which each wait is drawn at random, as a share of the interval: 95 to 105 % of it. So several
 * gateways do not check at the same times.
 */
const JITTER = 0.1;

/**
 * Checks one server now, and then at regular intervals. Each result is passed to `onChecked`. The returned function ends the
 * checks.
 */
export function checkHealth({
  settings,
  clock,
  call,
  onChecked,
  random = Math.random,
}: HealthCheckOptions): () => void {
  const { intervalMs, timeoutMs, service } = settings;
  const controller = new AbortController();
  const message = checkRequest(service);
  let cancelTimer = () => {};
  void check();
  return () => {
    cancelTimer();
    controller.abort();
  };

  async function check(): Promise<void> {
    const { signal } = controller;
    const deadline = { at: clock.now() + timeoutMs, owner: 'route' } as const;
    const context = { surface: '', requestId: '', clientAddress: '' };
    const checked = await call({ method: METHOD, message, metadata: NO_METADATA, deadline, signal, context }).then(
      (response) => checkedOf(response.message, service),
      (error: unknown) => checkedOfError(error, service),
    );
    if (signal.aborted) return;
    cancelTimer = clock.after(intervalMs * (1 + JITTER * (random() - 0.5)), () => void check());
    onChecked(checked);
  }
}

/**
 * Returns an encoded HealthCheckRequest with the service as field 1; empty bytes for the empty name. The name must be shorter
 * than 16 KiB, because two bytes are written for its length at most.
 */
function checkRequest(service: string): Uint8Array {
  const name = Buffer.from(service);
  if (name.length === 0) return name;
  const length = name.length < 128 ? [name.length] : [(name.length & 127) | 128, name.length >> 7];
  return Buffer.concat([Buffer.from([0x0a, ...length]), name]);
}

const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** Returns the result that an encoded HealthCheckResponse means: its field 1 is the status. */
function checkedOf(message: CallResponse['message'], service: string): Checked {
  const bytes = message instanceof Uint8Array ? message : new Uint8Array();
  const status = bytes[0] === 0x08 ? bytes[1] : 0;
  if (status === 1) return { kind: 'healthy' };
  return { kind: 'unhealthy', reason: `its health${ofService(service)} is ${STATUSES[status ?? 0] ?? 'not known'}` };
}

function checkedOfError(error: unknown, service: string): Checked {
  if (isUnreachable(error)) return { kind: 'unreachable', error };
  const code = error instanceof StatusError && error.metadata !== undefined ? error.code : undefined;
  if (code === Code.UNIMPLEMENTED) return { kind: 'absent' };
  if (code === Code.NOT_FOUND) return { kind: 'unhealthy', reason: `it does not know the health${ofService(service)}` };
  return { kind: 'unhealthy', reason: `the health check failed: ${reasonOf(error)}` };
}

function ofService(service: string): string {
  return service === '' ? '' : ` of ${service}`;
}
