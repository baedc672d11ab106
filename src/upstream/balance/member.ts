/**
 * A member is an endpoint of an upstream with its connections, and with what is known about it: whether it can be reached,
 * whether it says that it is healthy, and whether it is ejected because it fails.
 */
import type { Clock } from '../../base/clock.js';
import type { CallRequest, CallResponse } from '../../call/call.js';
import type { Connections } from '../connections.js';
import { addressOf, type Endpoint } from '../endpoint.js';
import { UpstreamClosed } from '../failure.js';
import { hasNoConnection, isUnreachable, reasonOf, type Verdict, verdictOf } from '../outcome.js';
import { type EjectionSettings, Outlier } from './ejection.js';
import { type Checked, checkHealth, HealthRecord, type HealthSettings } from './health.js';
import { observedStream } from './observed-stream.js';

/** The states `idle`, `connecting` and `ready` are those of the connections of a member against which nothing is known. */
export type MemberState = 'idle' | 'connecting' | 'ready' | 'unreachable' | 'unhealthy' | 'ejected';

/** A change of what is known about a member. */
export type Change =
  | { readonly kind: 'reachable' | 'healthy' | 'returned' | 'without health' }
  | { readonly kind: 'unreachable' | 'unhealthy'; readonly reason: string }
  | { readonly kind: 'ejected'; readonly reason: string; readonly forMs: number };

/** The report on a member for operators. */
export interface MemberReport {
  readonly address: string;
  readonly state: MemberState;
  /** The time since which the member has this state, in milliseconds since the epoch. */
  readonly sinceMs: number;
  /** The reason why the member gets no calls. Absent when it may get some. */
  readonly why?: string;
}

export interface MemberOptions {
  readonly clock: Clock;
  readonly maxResponseBytes: number;
  readonly ejection: EjectionSettings | undefined;
  readonly health: HealthSettings | undefined;
  /** Returns true if one more member may be ejected. */
  readonly mayEject: () => boolean;
  readonly onChange: (member: Member, change: Change) => void;
  /**
   * Sends a call to another member if it was waiting for a connection when its member was removed. Returns undefined if there
   * is no other member.
   */
  readonly again: (request: CallRequest) => Promise<CallResponse> | undefined;
}

/** The time without attempts to connect after one has failed. The transport itself waits longer after several failures. */
const REST_MS = 100;

export class Member {
  readonly address: string;
  /** The number of calls that have ended, by what they show about the server. */
  readonly ended: Record<Verdict, number> = { answered: 0, failed: 0, unknown: 0 };
  ejections = 0;
  isEjected = false;
  /** The monotonic time at which the member began to get calls. Undefined when it has always got them. */
  warmSince: number | undefined;
  private reach: 'unknown' | 'reachable' | 'unreachable' = 'unknown';
  private why: string | undefined;
  private sinceMs: number;
  private readonly outlier: Outlier | undefined;
  private readonly health: HealthRecord | undefined;
  private readonly stopChecks: (() => void) | undefined;
  private firstChecked = () => {};
  private readonly firstCheck = new Promise<void>((resolve) => {
    this.firstChecked = resolve;
  });
  private isAbsentTold = false;
  private cancelReturn: (() => void) | undefined;
  private connecting: Promise<void> | undefined;
  /** The monotonic time from which the next attempt may be made. */
  private restsUntil = 0;

  constructor(
    readonly endpoint: Endpoint,
    private readonly connections: Connections,
    private readonly options: MemberOptions,
  ) {
    const { clock, ejection, health } = options;
    this.address = addressOf(endpoint);
    this.sinceMs = clock.now();
    this.outlier = ejection && new Outlier(ejection, clock);
    this.health = health && new HealthRecord(health);
    this.stopChecks = health && this.startChecks(health);
    if (health === undefined) this.firstChecked();
  }

  /** Returns the number of calls that are running. */
  running(): number {
    return this.connections.running();
  }

  get isReady(): boolean {
    return this.connections.state() === 'ready';
  }

  /** True if the last attempt to connect has failed. */
  get isFailing(): boolean {
    const state = this.connections.state();
    return state === 'failing' || state === 'closed';
  }

  /** True if the member should get no calls, although it may be connected. */
  get isOut(): boolean {
    return this.isEjected || this.health?.state === 'unhealthy';
  }

  report(): MemberReport {
    const state = this.state();
    const { address, sinceMs, why } = this;
    const isOut = state === 'unreachable' || state === 'unhealthy' || state === 'ejected';
    return { address, state, sinceMs, ...(isOut && why !== undefined ? { why } : {}) };
  }

  private state(): MemberState {
    if (this.isEjected) return 'ejected';
    const state = this.connections.state();
    if (this.reach === 'unreachable' && state !== 'ready') return 'unreachable';
    if (this.health?.state === 'unhealthy') return 'unhealthy';
    return state === 'ready' || state === 'connecting' ? state : 'idle';
  }

  /** Connects in the background, so that later calls find a connection. */
  prepare(): void {
    const { clock } = this.options;
    if (this.connecting === undefined && clock.monotonic() >= this.restsUntil) void this.connect().catch(() => {});
  }

  /** Resolves when there is a connection. Rejects with a StatusError when the attempt fails. */
  connect(): Promise<void> {
    const { clock, maxResponseBytes } = this.options;
    this.connecting ??= this.connections.connect(maxResponseBytes).then(
      () => {
        this.connecting = undefined;
        this.noteReach(undefined);
      },
      (error: unknown) => {
        this.connecting = undefined;
        this.restsUntil = clock.monotonic() + REST_MS;
        this.noteReach(error);
        throw error;
      },
    );
    return this.connecting;
  }

  /** Resolves when the member is connected and its first health check has ended. Rejects when it cannot be connected. */
  async settled(): Promise<void> {
    await this.connect();
    await this.firstCheck;
  }

  /** Sends a call and learns from its end; from the end of a stream only if failures eject the member. */
  call(request: CallRequest): Promise<CallResponse> {
    const losses = this.outlier?.losses;
    return this.connections
      .call(request, this.options.maxResponseBytes)
      .then(this.answered, (error: unknown) => this.failed(error, request, losses));
  }

  private readonly answered = (response: CallResponse): CallResponse => {
    const losses = this.outlier?.losses;
    if (response.message instanceof Uint8Array || losses === undefined) {
      this.settle(undefined, losses);
      return response;
    }
    return { ...response, message: observedStream(response.message, (error) => this.settle(error, losses)) };
  };

  private failed(error: unknown, request: CallRequest, losses: number | undefined): Promise<CallResponse> {
    const again = error instanceof UpstreamClosed && error.unsent ? this.options.again(request) : undefined;
    if (again !== undefined) return again;
    this.settle(error, losses);
    throw error;
  }

  /** Ends the health checks. The connections stay open, because other upstreams may use them. */
  close(): void {
    this.stopChecks?.();
    this.cancelReturn?.();
  }

  /** Learns from the end of a call. `losses` is the number of lost connections that were counted before the call began. */
  private settle(error: unknown, losses: number | undefined): void {
    const verdict = verdictOf(error);
    this.ended[verdict]++;
    if (verdict !== 'unknown') this.noteReach(error);
    const { outlier } = this;
    if (outlier === undefined || losses === undefined || this.isEjected) return;
    // While there is no connection, the pickers leave the member out anyway. When it is back, it should get calls at once.
    if (isUnreachable(error) && !this.isReady) return;
    const isOutlier = hasNoConnection(error) ? outlier.noteLoss(losses) : outlier.note(verdict);
    if (isOutlier && this.options.mayEject()) this.eject(outlier, error);
  }

  private eject(outlier: Outlier, error: unknown): void {
    const forMs = outlier.eject();
    const { clock, onChange, ejection } = this.options;
    this.isEjected = true;
    this.ejections++;
    const reason = `${ejection?.consecutiveFailures} calls in a row have failed, the last one: ${reasonOf(error)}`;
    this.cancelReturn = clock.after(forMs, () => {
      outlier.end();
      this.isEjected = false;
      this.begin();
      this.changed(undefined);
      onChange(this, { kind: 'returned' });
    });
    this.changed(reason);
    onChange(this, { kind: 'ejected', reason, forMs });
  }

  /** Notes whether a connection could be made. `error` is that of a call or of an attempt; undefined when it went well. */
  private noteReach(error: unknown): void {
    const reach = isUnreachable(error) ? 'unreachable' : 'reachable';
    const before = this.reach;
    // A call that had a connection and failed shows nothing new.
    if (reach === before || (error !== undefined && reach === 'reachable')) return;
    this.reach = reach;
    if (reach === 'unreachable') {
      const reason = reasonOf(error);
      this.changed(reason);
      this.options.onChange(this, { kind: 'unreachable', reason });
      return;
    }
    this.changed(undefined);
    if (before === 'unknown') return;
    this.begin();
    this.options.onChange(this, { kind: 'reachable' });
  }

  private startChecks(settings: HealthSettings): () => void {
    const { clock, maxResponseBytes } = this.options;
    return checkHealth({
      settings,
      clock,
      call: (request) => this.connections.call(request, maxResponseBytes),
      onChecked: (checked) => this.noteHealth(checked),
    });
  }

  private noteHealth(checked: Checked): void {
    const { onChange } = this.options;
    this.firstChecked();
    this.noteReach(checked.kind === 'unreachable' ? checked.error : undefined);
    if (checked.kind === 'absent' && !this.isAbsentTold) {
      this.isAbsentTold = true;
      onChange(this, { kind: 'without health' });
    }
    const before = this.health?.state;
    if (this.health?.note(checked) !== true) return;
    if (checked.kind === 'unhealthy') {
      const { reason } = checked;
      this.changed(reason);
      onChange(this, { kind: 'unhealthy', reason });
    } else if (before === 'unhealthy') {
      this.begin();
      this.changed(undefined);
      onChange(this, { kind: 'healthy' });
    }
  }

  /** Notes that the member begins to get calls, as a new one or again. */
  begin(): void {
    this.warmSince = this.options.clock.monotonic();
  }

  private changed(why: string | undefined): void {
    this.sinceMs = this.options.clock.now();
    this.why = why;
  }
}
