import { availableParallelism } from 'node:os';

const out = process.env.PROTOGATE_OUT ?? 'dist';
export default {
  files: [`${out}/test/**/*.test.js`],
  workerThreads: false,
  timeout: '60s',
  // A test runs most code a few times only. V8 would spend up to a third of the processor time on optimizing it, so it optimizes
  // a function after it has run for ten times as long, or as often, as usual.
  nodeArguments: process.versions.node.startsWith('20.')
    ? ['--interrupt-budget=1000000']
    : ['--invocation-count-for-turbofan=30000'],
  // Many tests wait for timers and processes: on two cores four files at once.
  concurrency: Math.max(4, availableParallelism()),
};
