/**
 * A channel of grpc-js, and the number of its calls. Some features are turned off: those that the gateway has itself
 * (retries, balancing) and those that it does not need (service config from DNS, channelz, the environment's HTTP
 * proxy).
 */
import type { ClientHttp2Session } from 'node:http2';
import type { Channel, ChannelOptions } from '@grpc/grpc-js';
import { addressOf, authorityOf, type Endpoint, serverNameOf } from '../endpoint.js';
import { unreachable, upstreamClosed } from '../failure.js';
import type { TlsSettings, TransportSettings, TransportState } from '../transport.js';
import { grpcJs } from './package.js';
import { tellingStreams } from './streams.js';
import { holdStrictly } from './strict.js';

/** The states in the order of the numbers that grpc-js gives them. */
const STATES = ['idle', 'connecting', 'ready', 'failing', 'closed'] as const satisfies readonly TransportState[];

/** Wraps one channel. It connects on the first call. */
export class GrpcJsChannel {
  readonly channel: Channel;
  private readonly sessions = new Set<ClientHttp2Session>();
  private running = 0;
  private retired = false;
  private abandoned = false;

  constructor(
    settings: TransportSettings,
    /** The most bytes of a message. grpc-js has no such limit for each call, only for all calls of a channel. */
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

  /** Resolves when the channel is connected. Rejects when the attempt fails, and while the next one is not due. */
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

  /** The number of bytes that have come on the open connections; undefined when there is none. */
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

  /** Counts a call that begins. */
  hold(): void {
    this.running++;
  }

  /** Counts a call that has ended. */
  release(): void {
    this.running--;
    if (this.retired && this.running === 0) this.close();
  }

  /** Ends the channel: it must get no new calls, and closes when its last call has ended. */
  retire(): void {
    this.retired = true;
    if (this.running === 0) this.close();
  }

  /**
   * Retires a channel whose upstream is silent. Such an upstream would not answer the end of its connections, so they are
   * cut.
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

/** Returns the target with its scheme: without it, a host whose name is that of a scheme would be read as one. */
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
    // Retries are off, except for calls that the server refused unread (GOAWAY), which are always safe to send again.
    // Messages are kept for that up to this many bytes, so a client stream can be at most this far ahead of the upstream.
    'grpc.enable_retries': 0,
    'grpc.per_rpc_retry_buffer_size': 65_536,
    // Channels share no connections, because the state and the close of a transport concern its own connections only.
    'grpc.use_local_subchannel_pool': 1,
    // gRPC servers close connections that send PING more often than every five minutes.
    'grpc.keepalive_time_ms': 310_000,
    'grpc.keepalive_timeout_ms': 20_000,
    'grpc.initial_reconnect_backoff_ms': 200,
    'grpc.max_reconnect_backoff_ms': 10_000,
    ...nameOptions(endpoint, tls),
  };
}

/** Returns the options for a server that is called by another name than its address. */
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
