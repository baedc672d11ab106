/** The Transport on @grpc/grpc-js. It has one channel, and all calls share the connection of the channel. */
import { Bag } from '../../base/bag.js';
import type { Clock } from '../../base/clock.js';
import type { CallRequest, CallResponse } from '../../call/call.js';
import { Deadlines } from '../deadlines.js';
import { cancelled, cutByClose, DeadlineExceeded, upstreamClosed } from '../failure.js';
import type { Transport, TransportSettings, TransportState } from '../transport.js';
import { type CallSettings, GrpcJsCall } from './call.js';
import { GrpcJsChannel } from './channel.js';

/**
 * The shortest time in milliseconds between two replacements of a channel, so that a slow upstream causes at most one new
 * connection per second.
 */
const LEAVE_AGAIN_MS = 1000;

/** Returns a transport that connects on the first call. */
export function createGrpcJsTransport(settings: TransportSettings, clock: Clock): Transport {
  return new GrpcJsTransport(settings, clock);
}

class GrpcJsTransport implements Transport {
  private readonly runningCalls = new Bag<GrpcJsCall>();
  private readonly calls: CallSettings;
  private channel: GrpcJsChannel | undefined;
  /** The monotonic time from which the channel may be replaced again because of silence, in milliseconds. */
  private mayLeaveAt = 0;
  private closing: Promise<void> | undefined;
  private idle: (() => void) | undefined;

  constructor(
    private readonly settings: TransportSettings,
    private readonly clock: Clock,
  ) {
    this.calls = {
      clock,
      deadlines: new Deadlines(clock),
      onEnd: (call) => {
        this.runningCalls.remove(call.place);
        call.channel.release();
        if (this.runningCalls.size === 0) this.idle?.();
      },
      onSilence: (channel) => this.leave(channel),
    };
  }

  async call(request: CallRequest, maxResponseBytes: number): Promise<CallResponse> {
    if (this.closing !== undefined) throw upstreamClosed();
    if (request.signal.aborted) throw cancelled();
    const { deadline } = request;
    if (deadline !== undefined && deadline.at <= this.clock.now()) throw new DeadlineExceeded(deadline.owner);
    const call = new GrpcJsCall(this.channelFor(maxResponseBytes), request, this.calls);
    call.place = this.runningCalls.add(call);
    return call.response;
  }

  async connect(maxResponseBytes: number): Promise<void> {
    if (this.closing !== undefined) throw upstreamClosed();
    await this.channelFor(maxResponseBytes).connected();
  }

  /**
   * Returns the channel with the limit `maxResponseBytes`. If a reload of the config has changed the limit, new calls get a new
   * channel, and running calls keep theirs.
   */
  private channelFor(maxResponseBytes: number): GrpcJsChannel {
    if (this.channel?.maxResponseBytes !== maxResponseBytes) {
      this.channel?.retire();
      this.channel = new GrpcJsChannel(this.settings, maxResponseBytes);
    }
    return this.channel;
  }

  /**
   * Gives new calls a new channel because the present one is silent. grpc-js offers no way to ask whether a connection is
   * alive.
   */
  private leave(channel: GrpcJsChannel): void {
    if (channel !== this.channel || this.clock.monotonic() < this.mayLeaveAt) return;
    this.mayLeaveAt = this.clock.monotonic() + LEAVE_AGAIN_MS;
    this.channel = undefined;
    channel.abandon();
  }

  running(): number {
    return this.runningCalls.size;
  }

  state(): TransportState {
    if (this.closing !== undefined) return 'closed';
    return this.channel?.state() ?? 'idle';
  }

  close(graceMs: number): Promise<void> {
    this.closing ??= this.shutDown(graceMs);
    return this.closing;
  }

  private async shutDown(graceMs: number): Promise<void> {
    if (this.runningCalls.size > 0) {
      await new Promise<void>((resolve) => {
        const cancelTimer = this.clock.after(graceMs, resolve);
        this.idle = () => {
          cancelTimer();
          resolve();
        };
      });
      for (const call of this.runningCalls) call.abort(cutByClose());
    }
    this.channel?.retire();
  }
}
