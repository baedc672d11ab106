/**
 * A channel of grpc-js, with the number of its calls. Features of grpc-js are turned off if the gateway has them itself
 * (retries, balancing) or does not need them (service config from DNS, channelz, the HTTP proxy of the environment).
 */
import type { ClientHttp2Session } from 'node:http2';
import type { Channel, ChannelOptions } from '@grpc/grpc-js';
import { addressOf, authorityOf, type Endpoint, serverNameOf } from '../endpoint.js';
import { unreachable, upstreamClosed } from '../failure.js';
import type { TlsSettings, TransportSettings, TransportState } from '../transport.js';
import { grpcJs } from './package.js';
import { tellingStreams } from './streams.js';
import { holdStrictly } from './strict.js';

/** The states of a channel. Their order is that of the numbers that grpc-js uses for them. */
const STATES = ['idle', 'connecting', 'ready', 'failing', 'closed'] as const satisfies readonly TransportState[];

/** A wrapper of one channel of grpc-js, which connects on the first call. */
export class GrpcJsChannel {
  readonly channel: Channel;
  private readonly sessions = new Set<ClientHttp2Session>();
  private running = 0;
  private retired = false;
  private abandoned = false;

  constructor(
    settings: TransportSettings,
    /** The most bytes of a received message. grpc-js has this limit only for a whole channel, not for each call. */
    readonly maxResponseBytes: number,
  ) {
    const options = {
      ...channelOptions(settings, maxResponseBytes),
      ...tellingStreams((stream, call) => {
        this.noteSession(stream.session as ClientHttp2Session);
        holdStrictly(stream, call);
      }),
    };
    this.channel = new (grpcJs().Channel)(grpcTarget(settings.endpoint), channelCredentials(settings.tls), options);
  }

  state(): TransportState {
    return STATES[this.channel.getConnectivityState(false)]!;
  }

  /**
   * Resolves when the channel is connected. Rejects with a StatusError when an attempt fails, or has failed and the next one
   * has not begun.
   */
  async connected(): Promise<void> {
    for (;;) {
      const state = this.channel.getConnectivityState(true);
      if (STATES[state] === 'ready') return;
      if (STATES[state] === 'closed') throw upstreamClosed();
      if (STATES[state] === 'failing') throw unreachable('grpc-js: no connection established', true);
      await new Promise<void>((resolve) => {
        this.channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, () => resolve());
      });
    }
  }

  /** The number of bytes that have come on the open connections; undefined when no connection is open. */
  get bytesRead(): number | undefined {
    if (this.sessions.size === 0) return undefined;
    let bytes = 0;
    for (const { socket } of this.sessions) bytes += socket?.bytesRead ?? 0;
    return bytes;
  }

  private noteSession(session: ClientHttp2Session): void {
    if (this.sessions.has(session)) return;
    this.sessions.add(session);
    session.on('error', () => {}).once('close', () => this.sessions.delete(session));
  }

  /** Counts a call that begins, so that the channel is not closed before {@link release}. */
  hold(): void {
    this.running++;
  }

  /** Counts a call that has ended. Closes a retired channel after its last call. */
  release(): void {
    this.running--;
    if (this.retired && this.running === 0) this.close();
  }

  /** Closes the channel when its last call has ended. The caller must give it no new calls. */
  retire(): void {
    this.retired = true;
    if (this.running === 0) this.close();
  }

  /**
   * Retires a channel whose upstream sends nothing. When the channel closes, its connections are destroyed, because such an
   * upstream would not answer a normal close.
   */
  abandon(): void {
    this.abandoned = true;
    this.retire();
  }

  private close(): void {
    this.channel.close();
    if (!this.abandoned) return;
    for (const session of this.sessions) session.destroy(new Error('the upstream does not answer'));
  }
}

/**
 * Returns the address with the scheme `dns:` or `unix:`. Without it, grpc-js would read a host such as `dns` in `dns:443` as a
 * scheme.
 */
function grpcTarget(endpoint: Endpoint): string {
  return endpoint.kind === 'unix' ? addressOf(endpoint) : `dns:${addressOf(endpoint)}`;
}

function channelOptions({ endpoint, tls }: TransportSettings, maxResponseBytes: number): ChannelOptions {
  return {
    'grpc.primary_user_agent': 'protogate',
    'grpc.max_receive_message_length': maxResponseBytes,
    'grpc.max_send_message_length': -1,
    'grpc.enable_http_proxy': 0,
    'grpc.enable_channelz': 0,
    'grpc.service_config_disable_resolution': 1,
    // Retries are off. grpc-js still repeats calls that the server has not processed (GOAWAY), which is always safe. For that
    // it keeps up to this many bytes of messages, so a client stream can be at most this far ahead of the upstream.
    'grpc.enable_retries': 0,
    'grpc.per_rpc_retry_buffer_size': 65_536,
    // Each channel has its own connections, because the state of a transport and closing it must concern only these.
    'grpc.use_local_subchannel_pool': 1,
    // Many gRPC servers close a connection on which PING comes more often than every five minutes.
    'grpc.keepalive_time_ms': 310_000,
    'grpc.keepalive_timeout_ms': 20_000,
    'grpc.initial_reconnect_backoff_ms': 200,
    'grpc.max_reconnect_backoff_ms': 10_000,
    ...nameOptions(endpoint, tls),
  };
}

/** Returns the options that set the server's host name, if it is not the address that is connected to. */
function nameOptions(endpoint: Endpoint, tls: TlsSettings | undefined): ChannelOptions {
  const name = tls?.serverName;
  if (name !== undefined) return { 'grpc.ssl_target_name_override': name, 'grpc.default_authority': name };
  if (endpoint.kind === 'unix' || endpoint.name === undefined) return {};
  const authority = { 'grpc.default_authority': authorityOf(endpoint) };
  const host = serverNameOf(endpoint);
  return tls === undefined || host === undefined ? authority : { ...authority, 'grpc.ssl_target_name_override': host };
}

function channelCredentials(tls: TlsSettings | undefined) {
  const { credentials } = grpcJs();
  if (tls === undefined) return credentials.createInsecure();
  if (tls.context !== undefined) return credentials.createFromSecureContext(tls.context);
  return credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null);
}
