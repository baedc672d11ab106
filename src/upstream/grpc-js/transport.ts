/**
 * The Transport on @grpc/grpc-js: one channel, whose connection all calls share. What the gateway does itself (retries,
 * balancing) or does not want (service config from DNS, channelz, the environment's HTTP proxy) is switched off.
 */
import { Channel, type ChannelOptions, connectivityState, credentials } from '@grpc/grpc-js';
import type { Clock } from '../../base/clock.js';
import type { Call } from '../../call/call.js';
import { authorityOf, type Endpoint } from '../endpoint.js';
import { cancelled, DeadlineExceeded, upstreamClosed } from '../failure.js';
import type { TlsSettings, Transport, TransportSettings, TransportState } from '../transport.js';
import { GrpcJsCall } from './call.js';

const STATES: Readonly<Record<connectivityState, TransportState>> = {
  [connectivityState.IDLE]: 'idle',
  [connectivityState.CONNECTING]: 'connecting',
  [connectivityState.READY]: 'ready',
  [connectivityState.TRANSIENT_FAILURE]: 'failing',
  [connectivityState.SHUTDOWN]: 'closed',
};

/** Opens nothing yet: the first call connects. */
export function createGrpcJsTransport(settings: TransportSettings, clock: Clock): Transport {
  const channel = new Channel(
    grpcTarget(settings.endpoint),
    channelCredentials(settings.tls),
    channelOptions(settings),
  );
  const running = new Set<GrpcJsCall>();
  let closing: Promise<void> | undefined;
  let idle: (() => void) | undefined;

  const call: Call = (request) => {
    if (closing !== undefined) return Promise.reject(upstreamClosed());
    if (request.signal.aborted) return Promise.reject(cancelled());
    const { deadline } = request;
    if (deadline !== undefined && deadline.at <= clock.now())
      return Promise.reject(new DeadlineExceeded(deadline.owner));
    try {
      const started: GrpcJsCall = new GrpcJsCall(channel, request, settings.maxResponseBytes, () => {
        running.delete(started);
        if (running.size === 0) idle?.();
      });
      running.add(started);
      return started.response;
    } catch (error) {
      return Promise.reject(error);
    }
  };

  async function shutDown(graceMs: number): Promise<void> {
    if (running.size > 0) {
      await new Promise<void>((resolve) => {
        const cancelTimer = clock.after(graceMs, resolve);
        idle = () => {
          cancelTimer();
          resolve();
        };
      });
      for (const call of running) call.abort(upstreamClosed());
    }
    channel.close();
  }

  return {
    call,
    running: () => running.size,
    state: () => STATES[channel.getConnectivityState(false)],
    close: (graceMs) => {
      closing ??= shutDown(graceMs);
      return closing;
    },
  };
}

/** With its scheme: a host of the name of one would be taken for that. */
function grpcTarget(endpoint: Endpoint): string {
  return endpoint.kind === 'unix' ? `unix:${endpoint.path}` : `dns:${authorityOf(endpoint)}`;
}

function channelOptions({ tls, maxResponseBytes }: TransportSettings): ChannelOptions {
  return {
    'grpc.primary_user_agent': 'protogate',
    'grpc.max_receive_message_length': maxResponseBytes,
    'grpc.max_send_message_length': -1,
    'grpc.enable_http_proxy': 0,
    'grpc.enable_channelz': 0,
    'grpc.service_config_disable_resolution': 1,
    // Off, but for calls that the server refused unseen (GOAWAY), which are always safe to send again. Messages are kept
    // for that up to this many bytes, and a client stream runs ahead of the upstream by no more.
    'grpc.enable_retries': 0,
    'grpc.per_rpc_retry_buffer_size': 65_536,
    // Connections belong to one transport: its state and its close are its own.
    'grpc.use_local_subchannel_pool': 1,
    // gRPC servers close connections that ping more often than every five minutes.
    'grpc.keepalive_time_ms': 310_000,
    'grpc.keepalive_timeout_ms': 20_000,
    'grpc.initial_reconnect_backoff_ms': 200,
    'grpc.max_reconnect_backoff_ms': 10_000,
    ...(tls?.serverName === undefined
      ? {}
      : { 'grpc.ssl_target_name_override': tls.serverName, 'grpc.default_authority': tls.serverName }),
  };
}

function channelCredentials(tls: TlsSettings | undefined) {
  if (tls === undefined) return credentials.createInsecure();
  return credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null);
}
