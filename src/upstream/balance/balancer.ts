/**
 * A Balancer has the members of one upstream, and sends each call to one of them. Lookups, health and outcomes change the
 * members; each change makes a new Picker, and members that stay keep their connections.
 */
import type { Clock } from '../../base/clock.js';
import { type Resource, type Resources, settingsKey } from '../../base/resources.js';
import type { CallRequest, CallResponse } from '../../call/call.js';
import { Connections, type TransportName } from '../connections.js';
import type { Endpoint, TcpEndpoint } from '../endpoint.js';
import { cancelled, DeadlineExceeded, UpstreamClosed, unreachable, upstreamClosed } from '../failure.js';
import { type Outcome, outcomeOf } from '../outcome.js';
import type { Target } from '../target.js';
import type { TlsSettings, TransportSettings, TransportState } from '../transport.js';
import type { Lookup } from './lookup.js';
import { Member } from './member.js';
import { NameWatch } from './name-watch.js';
import { compilePicker, type LoadBalancing, type Picker } from './picker.js';
import type { Candidate } from './policies.js';
import { isByPercent, subsetName, type When } from './subset.js';
import { whenFirst } from './when-first.js';

/** One entry of an upstream's targets. */
export interface WeightedTarget {
  readonly target: Target;
  /** The share of the calls, relative to the other entries. The addresses of the entry divide it among them. */
  readonly weight: number;
  /** The requests that go to the entry; absent for those for which no condition holds. */
  readonly when?: When;
}

/** The settings that the members depend on. */
export interface BalancerSettings {
  readonly targets: readonly WeightedTarget[];
  readonly policy: LoadBalancing;
  readonly transport: TransportName;
  readonly tls?: TlsSettings;
  /** The most bytes that a message from the upstream may have. */
  readonly maxResponseBytes: number;
}

export interface BalancerOptions {
  readonly resources: Resources;
  readonly clock: Clock;
  readonly lookup: Lookup;
}

/** The addresses of one target. `endpoints` is undefined while the first lookup runs. */
interface Group {
  readonly weight: number;
  readonly when: When | undefined;
  endpoints: readonly Endpoint[] | undefined;
  /** Why the last lookup failed; undefined when it has not. */
  failure: { readonly error: unknown } | undefined;
}

/** A member of a target. A member that several targets have is the same one. */
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
  /** The picker for requests that have chosen no subset. */
  private picker: Picker = compilePicker('round_robin', []);
  /** The pickers of the subsets, by their name. */
  private readonly subsets = new Map<string, Subset>();
  /** Functions that wake the calls that wait for the first addresses. */
  private readonly waiting = new Set<() => void>();
  private isClosed = false;

  constructor(
    /** The name of the upstream. */
    private readonly name: string,
    private readonly settings: BalancerSettings,
    private readonly options: BalancerOptions,
  ) {
    this.groups = settings.targets.map(({ target, weight, when }) => ({
      weight,
      when,
      endpoints: target.kind === 'addresses' ? target.endpoints : undefined,
      failure: undefined,
    }));
    for (const [index, { target }] of settings.targets.entries()) {
      if (target.kind === 'name') this.follow(this.groups[index]!, target.name, target.port);
    }
    this.update();
  }

  /** Sends a call to a member. It fails as a Transport does. */
  call(request: CallRequest): Promise<CallResponse> {
    const member = this.pickerFor(request).pick(request.tried);
    return member === undefined ? this.whenPicked(request) : this.send(member, request);
  }

  private pickerFor({ context }: CallRequest): Picker {
    const name = context.subsets?.get(this.name);
    const subset = name === undefined ? undefined : this.subsets.get(name);
    if (subset === undefined || (subset.mayLeave && subset.picker.isDown())) return this.picker;
    return subset.picker;
  }

  /** Returns the number of calls that are running or wait. */
  running(): number {
    let running = this.waiting.size;
    for (const { transport } of this.members.values()) running += transport.running();
    return running;
  }

  /** Returns the best state that a member has. */
  state(): TransportState {
    if (this.isClosed) return 'closed';
    const states = new Set([...this.members.values()].map(({ transport }) => transport.state()));
    if (states.size === 0) return this.groups.some(({ failure }) => failure !== undefined) ? 'failing' : 'connecting';
    return BEST_FIRST.find((state) => states.has(state)) ?? 'closed';
  }

  /** Returns the addresses of the members. */
  addresses(): ReadonlySet<string> {
    return new Set([...this.members.values()].map(({ address }) => address));
  }

  async close(): Promise<void> {
    this.isClosed = true;
    const { resources } = this.options;
    for (const { stop } of this.names) stop();
    for (const wake of this.waiting) wake();
    await Promise.all([
      ...this.names.map(({ key }) => resources.release(key)),
      ...[...this.members.keys()].map((key) => resources.release(key)),
    ]);
  }

  private follow(group: Group, name: string, port: number): void {
    const { resources, clock, lookup } = this.options;
    const key = settingsKey('name', name);
    const watch = resources.acquire(key, () => new NameWatch(name, lookup, clock));
    const stop = watch.watch({
      found: (addresses) => {
        group.failure = undefined;
        group.endpoints = addresses.map((host): TcpEndpoint => ({ kind: 'tcp', host, port, name }));
        this.update();
      },
      failed: (error) => {
        group.failure = { error };
        this.update();
      },
    });
    this.names.push({ key, watch, stop });
  }

  /** Makes the pickers of the present addresses. Members whose address is gone take no more calls. */
  private update(): void {
    const found = new Map<string, Member>();
    const seats = this.groups.flatMap(({ weight, when, endpoints = [] }) =>
      endpoints.map((endpoint) => {
        const key = this.keyOf(endpoint);
        const member = found.get(key) ?? this.members.get(key) ?? this.add(key, endpoint);
        found.set(key, member);
        return { of: member, weight: weight / endpoints.length, when };
      }),
    );
    for (const key of this.members.keys()) {
      if (found.has(key)) continue;
      this.members.delete(key);
      void this.options.resources.release(key);
    }
    this.compile(seats);
    for (const wake of this.waiting) wake();
  }

  private compile(seats: readonly Seat[]): void {
    const { policy } = this.settings;
    const nameOf = ({ when }: Seat) => when && subsetName(when);
    this.picker = compilePicker(
      policy,
      seats.filter(({ when }) => when === undefined),
    );
    for (const { when } of this.groups) {
      if (when === undefined) continue;
      const name = subsetName(when);
      const picker = compilePicker(
        policy,
        seats.filter((seat) => nameOf(seat) === name),
      );
      this.subsets.set(name, { picker, mayLeave: isByPercent(when) });
    }
  }

  private add(key: string, endpoint: Endpoint): Member {
    const { resources, clock } = this.options;
    const { transport, maxResponseBytes } = this.settings;
    const connections = resources.acquire(
      key,
      () => new Connections(transport, this.transportSettings(endpoint), clock),
    );
    const member = new Member(endpoint, connections.transport, clock, maxResponseBytes);
    this.members.set(key, member);
    return member;
  }

  /** Returns the key of the connections to an endpoint. Upstreams with the same endpoint and settings share them. */
  private keyOf(endpoint: Endpoint): string {
    return settingsKey('connections', [this.settings.transport, this.transportSettings(endpoint)]);
  }

  private transportSettings(endpoint: Endpoint): TransportSettings {
    const { tls } = this.settings;
    return { endpoint, ...(tls === undefined ? {} : { tls }) };
  }

  private async send(member: Member, request: CallRequest): Promise<CallResponse> {
    request.tried?.add(member);
    if (request.attempt !== undefined) request.attempt.endpoint = member.address;
    const begunAt = this.options.clock.monotonic();
    try {
      const response = await member.transport.call(request, this.settings.maxResponseBytes);
      this.settle(member, outcomeOf(request.method, undefined, this.options.clock.monotonic() - begunAt));
      return response;
    } catch (error) {
      // The address was removed while the call waited for its connection.
      if (error instanceof UpstreamClosed && error.unsent && !this.isClosed) return this.call(request);
      this.settle(member, outcomeOf(request.method, error, this.options.clock.monotonic() - begunAt));
      throw error;
    }
  }

  /** Learns from the end of a call. */
  private settle(_member: Member, { verdict }: Outcome): void {
    if (verdict !== 'failed') return;
    for (const { watch } of this.names) watch.doubt();
  }

  /** Waits until a member is connected, or until it is clear that none can be. */
  private async whenPicked(request: CallRequest): Promise<CallResponse> {
    for (;;) {
      this.refuseIfOver(request);
      const picker = this.pickerFor(request);
      const picked = picker.pick(request.tried);
      if (picked !== undefined) return this.send(picked, request);
      const awaited = picker.awaited();
      if (awaited.length === 0 && !this.isLookingUp()) throw unreachable(this.lookupFailure(), true);
      await whenFirst(request, this.options.clock, this.waiting, awaited);
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

  private lookupFailure(): unknown {
    return this.groups.find(({ failure }) => failure !== undefined)?.failure?.error ?? 'the upstream has no address';
  }
}

const BEST_FIRST: readonly TransportState[] = ['ready', 'connecting', 'idle', 'failing', 'closed'];
