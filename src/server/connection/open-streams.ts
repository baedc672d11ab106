/**
 * Keeps the open streams, and ends those that may not continue. The reasons for which a stream was accepted may end before the
 * stream does: its token expires, its key is removed, or a reload makes its route demand more.
 *
 *     each second       has its credential ended, or was it withdrawn?
 *     after a reload    would its request be let in now?
 *     if not            it ends after `auth.streamGrace`, with the error that a new request would get
 *
 * One timer serves all streams, and there is none while no stream is open.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../base/clock.js';
import type { Credential, Principal } from '../../call/principal.js';
import type { Context, Middleware, Route, Snapshot } from '../../exchange/exchange.js';
import { RouteTableBuilder } from '../../routing/route-table.js';
import { gatewayError, type StatusError } from '../../status/status-error.js';
import { readmit } from '../after-reload.js';
import { toStatusError } from '../stages/errors.js';

const LOOK_EVERY_MS = 1000;
/** The number of streams that are checked in one turn of the event loop. Each check may verify a token. */
const ASKED_AT_ONCE = 100;

export class OpenStreams {
  private readonly open = new Set<OpenStream>();
  /** The snapshot of the latest reload; undefined when there was none. */
  private current: Snapshot | undefined;
  private cancelLook: () => void = () => {};

  constructor(private readonly clock: Clock) {}

  /** The number of open streams. */
  get size(): number {
    return this.open.size;
  }

  enter(ctx: Context): OpenStream {
    const stream = new OpenStream(ctx);
    if (this.open.size === 0) this.lookLater();
    this.open.add(stream);
    // A request that was running during a reload was authorized with the snapshot from before the reload.
    if (this.current !== undefined && this.current !== ctx.state.snapshot) void this.ask(stream, this.current);
    return stream;
  }

  leave(stream: OpenStream): void {
    this.open.delete(stream);
    if (this.open.size === 0) this.cancelLook();
  }

  /** Judges every open stream by the snapshot that new requests get from now on. */
  async judge(snapshot: Snapshot): Promise<void> {
    this.current = snapshot;
    let asked = 0;
    for (const stream of [...this.open]) {
      if (asked++ % ASKED_AT_ONCE === ASKED_AT_ONCE - 1) await nextTurn();
      // A later reload checks all streams again.
      if (this.current !== snapshot) return;
      void this.ask(stream, snapshot);
    }
  }

  close(): void {
    this.cancelLook();
  }

  private async ask(stream: OpenStream, snapshot: Snapshot): Promise<void> {
    const { name } = stream.ctx.state.surface;
    stream.graceMs = snapshot.surfaces.find((surface) => surface.name === name)?.streamGraceMs ?? 0;
    let refusal: StatusError | undefined;
    let principal: Principal | undefined;
    try {
      principal = await readmit(stream.ctx, snapshot);
    } catch (error) {
      refusal = toStatusError(error, stream.ctx.state.requestId);
    }
    if (this.current !== snapshot) return;
    const now = this.clock.now();
    if (refusal === undefined) stream.admit(principal);
    else stream.refuse(refusal, now);
    stream.look(now);
  }

  /** Schedules the next look for a whole second, because tokens expire on whole seconds. */
  private lookLater(): void {
    this.cancelLook = this.clock.after(LOOK_EVERY_MS - (this.clock.now() % LOOK_EVERY_MS), () => {
      const now = this.clock.now();
      for (const stream of this.open) stream.look(now);
      this.lookLater();
    });
  }
}

/** Makes the request refer to its snapshot without the tables, so that a stream does not keep old tables in memory. */
function letTablesGo({ state }: Context): void {
  const { name } = state.surface;
  state.snapshot = withoutTables(state.snapshot);
  state.surface = state.snapshot.surfaces.find((surface) => surface.name === name)!;
}

/** The snapshots of open streams without their tables: a stream may outlive many reloads, and needs only its own route. */
const LIGHT = new WeakMap<Snapshot, Snapshot>();

function withoutTables(snapshot: Snapshot): Snapshot {
  const known = LIGHT.get(snapshot);
  if (known !== undefined) return known;
  const surfaces = snapshot.surfaces.map((surface) => ({ ...surface, ...EMPTY }));
  const light: Snapshot = { ...snapshot, surfaces, unclaimed: surfaces[0]!, only: undefined, choose: () => undefined };
  LIGHT.set(snapshot, light);
  return light;
}

const NO_ROUTES = new RouteTableBuilder<() => Route>().build().table;

const EMPTY = {
  table: NO_ROUTES,
  webSockets: NO_ROUTES,
  nearRoute: undefined,
  nearWebSocket: undefined,
  compileUsed: () => {},
};

class OpenStream {
  graceMs: number;
  private readonly controller = new AbortController();
  private credential: Credential | undefined;
  /** The reason why the stream must end, and since when, in milliseconds since the epoch. Undefined while it may go on. */
  private refused: { readonly error: StatusError; readonly atMs: number } | undefined;

  constructor(readonly ctx: Context) {
    this.graceMs = ctx.state.surface.streamGraceMs;
    this.credential = ctx.state.principal?.credential;
  }

  /** Aborted when the stream must end, with a StatusError as its reason. */
  get ending(): AbortSignal {
    return this.controller.signal;
  }

  admit(principal: Principal | undefined): void {
    this.credential = principal?.credential;
    this.refused = undefined;
  }

  /** Notes a refusal. Only the first one counts, so that no later one prolongs the grace. */
  refuse(error: StatusError, atMs: number): void {
    this.refused ??= { error, atMs };
  }

  /** Refuses the stream if its credential has ended, and ends a refused stream when its grace is over. */
  look(now: number): void {
    if (this.refused === undefined && this.credential !== undefined) {
      const { endsAtMs, stands } = this.credential;
      if (endsAtMs !== undefined && now >= endsAtMs) this.refuse(expired(), endsAtMs);
      else if (!stands()) this.refuse(withdrawn(), now);
    }
    if (this.refused === undefined || now < this.refused.atMs + this.graceMs) return;
    this.controller.abort(this.refused.error);
  }
}

/** Returns the last stage before the endpoint of a streaming route, which keeps the stream in `streams` until it ends. */
export function follow(streams: OpenStreams): Middleware {
  return async function follow(ctx, next) {
    const stream = streams.enter(ctx);
    const { ending } = stream;
    ctx.state.ending = ending;
    letTablesGo(ctx);
    try {
      await next();
    } catch (error) {
      // The endpoint failed because the stream had to end.
      throw ending.aborted ? ending.reason : error;
    } finally {
      streams.leave(stream);
    }
  };
}

function expired(): StatusError {
  return gatewayError('CREDENTIAL_EXPIRED', 'the stream ends because its credential has expired');
}

function withdrawn(): StatusError {
  return gatewayError('CREDENTIAL_WITHDRAWN', 'the stream ends because its credential is no longer accepted');
}
