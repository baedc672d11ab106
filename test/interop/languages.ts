/** The languages that have a server in the interop suite, and the commands that run it. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../support/run.js';

const HERE = join(ROOT, 'test/interop');
const CACHE = join(ROOT, '.cache');
const RUST = join(CACHE, 'interop-rust');
const PYTHON = join(CACHE, 'interop-python/bin/python');

/** The folder of the servers' protos, and the folder of the protos that they import. */
export const IMPORTS: readonly [string, string] = [HERE, join(ROOT, 'protos')];

export interface Language {
  /** The commands that must be installed. */
  readonly needs: readonly string[];
  /** Returns the commands that prepare the server to start, in order. */
  prepare(): readonly (readonly string[])[];
  readonly serve: readonly string[];
  /** True if the server can distinguish a client stream that is reset from one that ends normally. */
  readonly tellsResets: boolean;
}

export const LANGUAGES = new Map<string, Language>([
  [
    'go',
    {
      needs: ['go', 'version'],
      prepare: () => [['go', 'build', '-C', join(HERE, 'go'), '-o', join(CACHE, 'interop-go'), '.']],
      serve: [join(CACHE, 'interop-go'), ...IMPORTS],
      tellsResets: true,
    },
  ],
  [
    'python',
    {
      needs: ['python3', '--version'],
      prepare: () => {
        if (spawnSync(PYTHON, ['-c', 'import grpc, grpc_status, grpc_tools']).status === 0) return [];
        const install = [PYTHON, '-m', 'pip', 'install', '--quiet', '-r', join(HERE, 'python/requirements.txt')];
        return [['python3', '-m', 'venv', join(CACHE, 'interop-python')], install];
      },
      serve: [PYTHON, '-B', join(HERE, 'python/server.py'), ...IMPORTS],
      // The server of grpcio 1.85 takes 4 of 50 streams that its own client cancels for complete.
      tellsResets: false,
    },
  ],
  [
    'rust',
    {
      needs: ['cargo', '--version'],
      prepare: () => [
        [
          'cargo',
          'build',
          '--quiet',
          '--locked',
          '--manifest-path',
          join(HERE, 'rust/Cargo.toml'),
          '--target-dir',
          RUST,
        ],
      ],
      serve: [join(RUST, 'debug/interop')],
      // The streams of tonic 0.14 take a client's reset with CANCEL for the end of its messages.
      tellsResets: false,
    },
  ],
]);
