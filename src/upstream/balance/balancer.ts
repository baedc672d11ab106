/**
 * A Balancer has the members of one upstream, and sends each call to one of them. Lookups, health and outcomes change the
 * members; each change makes new Pickers, and members that stay keep their connections.
 */
import type { Clock } from '../../base/clock.js';
import { type Resource, type Resources, settingsKey } from '../../base/resources.js';
import type { CallRequest, CallResponse } from '../../call/call.js';
import { Connections, loadTransport, type TransportName } from '../connections.js';
import type { Endpoint, TcpEndpoint } from '../endpoint.js';
import { cancelled, DeadlineExceeded, unreachable, upstreamClosed } from '../failure.js';
import { reasonOf } from '../outcome.js';
import type { Target } from '../target.js';
import type { TlsFiles, TlsPaths } from '../tls-files.js';
import { type EjectionSettings, mostEjected } from './ejection.js';
import type { HealthSettings } from './health.js';
import type { Lookup } from './lookup.js';
import { type Change, Member, type MemberReport, type MemberState } from './member.js';
import { NameWatch } from './name-watch.js';
import { compilePicker, type LoadBalancing, type Picker } from './picker.js';
import type { Candidate } from './policies.js';
import { nextStepMs, warmth } from './slow-start.js';
import { isByPercent, subsetName, type When } from './subset.js';
import { whenFirst } from './when-first.js';

/** One entry of an upstream's targets. */
export interface WeightedTarget {
  readonly target: Target;
  /** The share of the calls, relative to the other entries. The addresses of the entry divide it among them. */
  readonly weight: number;
  /**
   * The condition for the requests that go to the entry. Absent if the entry gets the requests for which no condition holds.
   */
  readonly when?: When;
}

/** The settings that the members depend on. A setting that is undefined is turned off. */
export interface BalancerSettings {
  readonly targets: readonly WeightedTarget[];
  readonly policy: LoadBalancing;
  readonly transport: TransportName;
  readonly tls: TlsPaths | undefined;
  /** The most bytes that a message from the upstream may have. */
  readonly maxResponseBytes: number;
  readonly maxConnectionAgeMs: number | undefined;
  readonly slowStartMs: number | undefined;
  readonly health: HealthSettings | undefined;
  readonly ejection: EjectionSettings | undefined;
  /** The percentage of the members that must be healthy and not ejected. If there are fewer, all members are used. */
  readonly panicPercent: number;
}

/** Called when something about the servers of an upstream changes. */
export interface BalancerEvents {
  memberChanged(address: string, change: Change): void;
  addressesChanged(added: readonly string[], removed: readonly string[]): void;
  lookupFailed(name: string, error: unknown): void;
  lookupWorks(name: string): void;
  panicChanged(isPanic: boolean): void;
  /** Called when the balancer is closed. */
  closed(): void;
}

export interface BalancerOptions {
  readonly resources: Resources;
  readonly clock: Clock;
  readonly lookup: Lookup;
  /** The files whose paths are in the `tls` of the settings. Undefined if the settings have none. */
  readonly tls: TlsFiles | undefined;
  readonly events: BalancerEvents;
}

/** The report on an upstream for operators. */
export interface UpstreamReport {
  /** The best state of its servers; `unknown name` when its name cannot be looked up. */
  readonly state: MemberState | 'looking up' | 'unknown name' | 'closed';
  /** True if so many servers are out that all of them are used. */
  readonly isPanic: boolean;
  /** The reason why a name cannot be looked up. Absent when it can. */
  readonly why?: string;
  readonly servers: readonly MemberReport[];
}

/** The addresses of one target. `endpoints` is undefined while the first lookup runs. */
interface Group {
  readonly weight: number;
  readonly when: When | undefined;
  endpoints: readonly Endpoint[] | undefined;
  /** The reason why the last lookup failed. Undefined when it has not. */
  failure: { readonly error: unknown } | undefined;
}

/** A member of a target. Targets with the same address share one member. */
interface Seat extends Candidate<Member> {
  readonly when: When | undefined;
}

interface Subset {
  readonly picker: Picker;
  /** True if its requests may go to the other targets when it is down. */
  readonly mayLeave: boolean;
}

export class Balancer implements Resource {
  private readonly groups: Group[];
  private readonly members = new Map<string, Member>();
  private readonly names: { readonly key: string; readonly watch: NameWatch; readonly stop: () => void }[] = [];
  private seats: readonly Seat[] = [];
  /** The picker for requests that have chosen no subset. */
  private picker: Picker;
  /** The pickers of the subsets, by their name. */
  private readonly subsets = new Map<string, Subset>();
  /** Functions that wake the calls that wait for the first addresses. */
  private readonly waiting = new Set<() => void>();
  private cancelStep: (() => void) | undefined;
  private isPanic = false;
  private isClosed = false;

  constructor(
    /** The name of the upstream. */
    private readonly name: string,
    private readonly settings: BalancerSettings,
    private readonly options: BalancerOptions,
  ) {
    loadTransport(settings.transport);
    this.groups = settings.targets.map(({ target, weight, when }) => ({
      weight,
      when,
      endpoints: target.kind === 'addresses' ? target.endpoints : undefined,
      failure: undefined,
    }));
    this.picker = compilePicker<Member>([], settings);
    this.update(true);
    for (const [index, { target }] of settings.targets.entries()) {
      if (target.kind === 'name') this.follow(this.groups[index]!, target.name, target.port);
    }
  }

  /** Sends a call to a member. It fails as a Transport does. */
  call(request: CallRequest): Promise<CallResponse> {
    const picked = this.pickerFor(request).pick(request.tried);
    return picked instanceof Member ? this.send(picked, request) : this.whenPicked(request);
  }

  report(): UpstreamReport {
    const servers = this.all().map((member) => member.report());
    const failed = this.groups.find(({ failure }) => failure !== undefined)?.failure;
    const why = failed === undefined ? {} : { why: reasonOf(failed.error) };
    return { state: this.stateOf(servers), isPanic: this.isPanic, ...why, servers };
  }

  /** Returns the members, for metrics. */
  all(): readonly Member[] {
    return [...this.members.values()];
  }

  /**
   * Connects to all members and waits for their first health check. Resolves when that has succeeded or failed for each, at
   * the latest after `limitMs`.
   */
  async connect(limitMs: number): Promise<void> {
    const { clock } = this.options;
    const wait = { signal: NEVER, deadline: { at: clock.now() + limitMs, owner: 'route' } } as const;
    const isOver = () => this.isClosed || clock.now() >= wait.deadline.at;
    while (this.isLookingUp() && !isOver()) await whenFirst(wait, clock, this.waiting, []);
    const settled = Promise.allSettled(this.all().map((member) => member.settled()));
    let cancelTimer = () => {};
    const late = new Promise<void>((resolve) => {
      cancelTimer = clock.after(Math.max(0, wait.deadline.at - clock.now()), resolve);
    });
    await Promise.race([settled, late]);
    cancelTimer();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.options.events.closed();
    this.cancelStep?.();
    const { resources } = this.options;
    for (const { stop } of this.names) stop();
    for (const member of this.members.values()) member.close();
    this.wake();
    await Promise.all([
      ...this.names.map(({ key }) => resources.release(key)),
      ...[...this.members.keys()].map((key) => resources.release(key)),
    ]);
  }

  private pickerFor({ context }: CallRequest): Picker {
    const name = context.subsets?.get(this.name);
    const subset = name === undefined ? undefined : this.subsets.get(name);
    if (subset === undefined || (subset.mayLeave && subset.picker.isDown())) return this.picker;
    return subset.picker;
  }

  /** Returns the addresses of the members. */
  addresses(): ReadonlySet<string> {
    return new Set([...this.members.values()].map(({ address }) => address));
  }

  private follow(group: Group, name: string, port: number): void {
    const { resources, clock, lookup, events } = this.options;
    const key = settingsKey('name', name);
    const watch = resources.acquire(key, () => new NameWatch(name, lookup, clock));
    const stop = watch.watch({
      found: (addresses) => {
        if (group.failure !== undefined) events.lookupWorks(name);
        const isFirst = group.endpoints === undefined;
        group.failure = undefined;
        group.endpoints = addresses.map((host): TcpEndpoint => ({ kind: 'tcp', host, port, name }));
        this.update(isFirst);
      },
      failed: (error) => {
        group.failure = { error };
        events.lookupFailed(name, error);
        this.wake();
      },
    });
    this.names.push({ key, watch, stop });
  }

  /**
   * Updates the members to the present addresses. Members whose address no longer exists take no more calls. `isFirst`
   * is true for the first addresses of a target, which are not a change.
   */
  private update(isFirst: boolean): void {
    const found = new Map<string, Member>();
    const added: string[] = [];
    this.seats = this.groups.flatMap(({ weight, when, endpoints = [] }) =>
      endpoints.map((endpoint) => {
        const key = this.keyOf(endpoint);
        let member = found.get(key) ?? this.members.get(key);
        if (member === undefined) {
          member = this.add(key, endpoint);
          if (!isFirst) member.begin();
          added.push(member.address);
        }
        found.set(key, member);
        return { of: member, weight: weight / endpoints.length, when };
      }),
    );
    const removed = [...this.members].filter(([key]) => !found.has(key));
    for (const [key, member] of removed) this.remove(key, member);
    if (!isFirst && added.length + removed.length > 0) {
      this.options.events.addressesChanged(
        added,
        removed.map(([, { address }]) => address),
      );
    }
    this.compile();
  }

  /** Makes the pickers of the present members. */
  private compile(): void {
    const { slowStartMs } = this.settings;
    const now = this.options.clock.monotonic();
    const seats = this.seats.map((seat) => {
      const since = seat.of.warmSince;
      const isWarm = slowStartMs === undefined || since === undefined;
      return isWarm ? seat : { ...seat, weight: seat.weight * warmth(now - since, slowStartMs) };
    });
    this.picker = compilePicker(
      seats.filter(({ when }) => when === undefined),
      this.settings,
    );
    for (const { when } of this.groups) {
      if (when === undefined) continue;
      const name = subsetName(when);
      const own = seats.filter((seat) => seat.when !== undefined && subsetName(seat.when) === name);
      this.subsets.set(name, { picker: compilePicker(own, this.settings), mayLeave: isByPercent(when) });
    }
    this.planStep(now);
    this.tellPanic();
    this.wake();
  }

  /** Makes new pickers when the share of a member in its slow start grows. */
  private planStep(now: number): void {
    this.cancelStep?.();
    this.cancelStep = undefined;
    const { slowStartMs } = this.settings;
    if (slowStartMs === undefined) return;
    const steps = this.all().flatMap(({ warmSince }) =>
      warmSince === undefined ? [] : (nextStepMs(now - warmSince, slowStartMs) ?? []),
    );
    if (steps.length > 0) this.cancelStep = this.options.clock.after(Math.min(...steps), () => this.compile());
  }

  private tellPanic(): void {
    const isPanic = [this.picker, ...[...this.subsets.values()].map(({ picker }) => picker)].some((one) => one.isPanic);
    if (isPanic === this.isPanic) return;
    this.isPanic = isPanic;
    this.options.events.panicChanged(isPanic);
  }

  private wake(): void {
    for (const wake of [...this.waiting]) wake();
  }

  private add(key: string, endpoint: Endpoint): Member {
    const { resources, clock, events } = this.options;
    const { transport, maxResponseBytes, ejection, health, maxConnectionAgeMs: maxAgeMs } = this.settings;
    const connections = resources.acquire(
      key,
      () => new Connections(transport, endpoint, { clock, maxAgeMs, tls: this.options.tls }),
    );
    const member = new Member(endpoint, connections, {
      clock,
      maxResponseBytes,
      ejection,
      health,
      mayEject: () => this.mayEject(),
      onChange: ({ address }, change) => {
        if (this.isClosed) return;
        events.memberChanged(address, change);
        if (change.kind === 'unreachable') for (const { watch } of this.names) watch.doubt();
        if (change.kind !== 'unreachable' && change.kind !== 'without health') this.compile();
      },
      again: (request) => (this.isClosed ? undefined : this.call(request)),
    });
    this.members.set(key, member);
    return member;
  }

  private remove(key: string, member: Member): void {
    member.close();
    this.members.delete(key);
    void this.options.resources.release(key);
  }

  private mayEject(): boolean {
    const { ejection } = this.settings;
    const ejected = this.all().filter(({ isEjected }) => isEjected).length;
    return ejection !== undefined && ejected < mostEjected(this.members.size, ejection);
  }

  /** Returns the key of the connections to an endpoint. Upstreams with the same endpoint and settings share them. */
  private keyOf(endpoint: Endpoint): string {
    const { transport, maxConnectionAgeMs = null, tls = null } = this.settings;
    return settingsKey('connections', [transport, maxConnectionAgeMs, endpoint, tls]);
  }

  private send(member: Member, request: CallRequest): Promise<CallResponse> {
    request.tried?.add(member);
    const { attempt, context } = request;
    if (attempt !== undefined) attempt.endpoint = member.address;
    // The log also names the endpoint that a client did not wait for.
    if (context.record !== undefined) context.record.endpoint = member.address;
    return member.call(request);
  }

  /** Waits until a member is connected, or until it is clear that none can be. */
  private async whenPicked(request: CallRequest): Promise<CallResponse> {
    for (;;) {
      this.refuseIfOver(request);
      const picked = this.pickerFor(request).pick(request.tried);
      if (picked instanceof Member) return this.send(picked, request);
      if (picked.length === 0 && !this.isLookingUp()) throw unreachable(this.whyNone(), true);
      await whenFirst(request, this.options.clock, this.waiting, picked);
    }
  }

  private refuseIfOver({ signal, deadline }: CallRequest): void {
    if (this.isClosed) throw upstreamClosed();
    if (signal.aborted) throw cancelled();
    if (deadline !== undefined && deadline.at <= this.options.clock.now()) throw new DeadlineExceeded(deadline.owner);
  }

  private isLookingUp(): boolean {
    return this.groups.some(({ endpoints, failure }) => endpoints === undefined && failure === undefined);
  }

  private whyNone(): unknown {
    const failed = this.groups.find(({ failure }) => failure !== undefined)?.failure;
    if (failed !== undefined) return failed.error;
    return this.members.size > 0 ? 'all servers are unhealthy or ejected' : 'the upstream has no server';
  }

  private stateOf(servers: readonly MemberReport[]): UpstreamReport['state'] {
    if (this.isClosed) return 'closed';
    if (servers.length === 0) return this.isLookingUp() ? 'looking up' : 'unknown name';
    const states = new Set(servers.map(({ state }) => state));
    return BEST_FIRST.find((state) => states.has(state)) ?? 'idle';
  }
}

const NEVER = new AbortController().signal;
const BEST_FIRST: readonly MemberState[] = ['ready', 'connecting', 'idle', 'ejected', 'unhealthy', 'unreachable'];
