import { availableParallelism } from 'node:os';

const out = process.env.PROTOGATE_OUT ?? 'dist';
export default {
  files: [`${out}/test/**/*.test.js`],
  workerThreads: false,
  timeout: '60s',
  // Many tests wait for timers: on two cores three files at once.
  concurrency: Math.max(3, availableParallelism()),
};
