/** The gateways of the comparison, each as its users start it, in front of the same gRPC server. */
import { copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { protogateProcess } from '../../test/support/run.js';
import { BIG, MESSAGES, PROTO, SMALL } from './shop.js';
import type { Programs } from './toolchain.js';

export interface Gateway {
  readonly name: string;
  readonly env?: NodeJS.ProcessEnv;
  /** False if it cannot serve the stream. */
  readonly streams?: false;
  /** True if its admin port has metrics. */
  readonly hasMetrics?: true;
  /** Writes its files into an empty folder and returns the command that starts it. */
  command(place: Place): readonly string[];
}

export interface Place {
  readonly folder: string;
  readonly port: number;
  readonly adminPort: number;
  /** `HOST:PORT` of the gRPC server. */
  readonly upstream: string;
  /** Blocks that protogate's config has besides the schema and the upstream. */
  readonly more: object;
}

/** Returns the gateways whose programs are there, bare Koa first. */
export function gateways(
  programs: Programs,
  roots: readonly { readonly name: string; readonly root?: string }[],
): Gateway[] {
  const { envoy, grpcGateway, vanguard, descriptorSet } = programs;
  return [
    KOA,
    ...(envoy === undefined
      ? []
      : [{ name: 'Envoy', command: (place: Place) => envoyCommand(envoy, descriptorSet, place) }]),
    ...(grpcGateway === undefined ? [] : [goGateway('grpc-gateway', grpcGateway)]),
    ...(vanguard === undefined ? [] : [{ ...goGateway('vanguard', vanguard), streams: false as const }]),
    ...roots.map(({ name, root }) => protogateFrom(name, root)),
  ];
}

const KOA_SCRIPT = fileURLToPath(new URL('./koa.js', import.meta.url));

/** Starts Koa alone, which sends the same answers from memory. */
export const KOA: Gateway = { name: 'Koa', command: koa };

function koa({ folder, port }: Place): readonly string[] {
  writeFileSync(join(folder, 'small.json'), JSON.stringify(SMALL));
  writeFileSync(join(folder, 'big.json'), JSON.stringify(BIG));
  return [process.execPath, KOA_SCRIPT, String(port), folder, String(MESSAGES)];
}

function goGateway(name: string, program: string): Gateway {
  const command = ({ upstream, port }: Place) => [program, upstream, `127.0.0.1:${port}`];
  return { name, env: { GOMAXPROCS: '1' }, command };
}

/** Returns protogate from the root of a built checkout, or this one. */
export function protogateFrom(name: string, root?: string): Gateway {
  return { name, hasMetrics: true, command: (place) => protogate(root, place) };
}

function protogate(root: string | undefined, { folder, port, adminPort, upstream, more }: Place): readonly string[] {
  mkdirSync(join(folder, 'protos'), { recursive: true });
  writeFileSync(join(folder, 'protos/shop.proto'), PROTO);
  const config = { version: 1, schema: { protos: ['protos'] }, upstreams: { shop: { target: upstream } }, ...more };
  // JSON is YAML.
  writeFileSync(join(folder, 'protogate.yaml'), JSON.stringify(config));
  const flags = ['-c', join(folder, 'protogate.yaml'), '--port', String(port), '--admin-port', String(adminPort)];
  if (root !== undefined) return [process.execPath, packagedCommand(root, folder), 'serve', ...flags];
  const [node, args] = protogateProcess(['serve', ...flags]);
  return [node, ...args];
}

/**
 * Returns the file that starts protogate from a checkout as users start it: with the files of the package. The command of a
 * checkout itself starts the compiler's files, which are many more, so they load for longer and take more memory.
 */
function packagedCommand(root: string, folder: string): string {
  const command = 'bin/protogate.js';
  const bundle = join(root, 'dist/package');
  if (!existsSync(bundle)) return join(root, command);
  const installed = join(folder, 'installed');
  mkdirSync(join(installed, 'bin'), { recursive: true });
  mkdirSync(join(installed, 'dist'));
  copyFileSync(join(root, command), join(installed, command));
  symlinkSync(join(root, 'package.json'), join(installed, 'package.json'));
  symlinkSync(bundle, join(installed, 'dist/package'));
  return join(installed, command);
}

function envoyCommand(program: string, descriptorSet: string, { folder, port, upstream }: Place): readonly string[] {
  const [host = '', upstreamPort] = upstream.split(':');
  const address = (at: string, value: number) => ({ socket_address: { address: at, port_value: value } });
  const type = (name: string) => ({ '@type': `type.googleapis.com/envoy.extensions.${name}` });
  const transcoder = {
    ...type('filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder'),
    proto_descriptor: descriptorSet,
    services: ['shop.v1.Orders'],
    max_request_body_size: 8 << 20,
    max_response_body_size: 8 << 20,
  };
  const manager = {
    ...type('filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'bench',
    codec_type: 'AUTO',
    route_config: {
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, route: { cluster: 'shop', timeout: '30s' } }],
        },
      ],
    },
    http_filters: [
      { name: 'transcoder', typed_config: transcoder },
      { name: 'router', typed_config: type('filters.http.router.v3.Router') },
    ],
  };
  const protocol = {
    ...type('upstreams.http.v3.HttpProtocolOptions'),
    explicit_http_config: { http2_protocol_options: { max_concurrent_streams: 1000 } },
  };
  const cluster = {
    name: 'shop',
    type: 'STATIC',
    typed_extension_protocol_options: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': protocol },
    load_assignment: {
      cluster_name: 'shop',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(host, Number(upstreamPort)) } }] }],
    },
  };
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }];
  const listeners = [{ address: address('127.0.0.1', port), filter_chains: [{ filters }] }];
  const file = join(folder, 'envoy.json');
  writeFileSync(file, JSON.stringify({ static_resources: { listeners, clusters: [cluster] } }));
  return [program, '-c', file, '--concurrency', '1', '--log-level', 'error', '--disable-hot-restart'];
}
