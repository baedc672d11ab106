/** The languages that the interop suite has a server in, and what makes one run. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../support/run.js';

const HERE = join(ROOT, 'test/interop');
const CACHE = join(ROOT, '.cache');
const PYTHON = join(CACHE, 'interop-python/bin/python');

/** Where the servers' protos are, and then what those import. */
export const IMPORTS: readonly [string, string] = [HERE, join(ROOT, 'protos')];

export interface Language {
  /** The command that must be there. */
  readonly needs: readonly string[];
  /** Commands that make the server ready to start, in order. */
  prepare(): readonly (readonly string[])[];
  readonly serve: readonly string[];
  /** Whether a server can tell a client stream that is reset from one that ends well. */
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
      // grpcio 1.85: of 50 streams that its own client cancels its server takes 4 for whole.
      tellsResets: false,
    },
  ],
]);
