const out = process.env.PROTOGATE_OUT ?? 'dist';
export default { files: [`${out}/test/**/*.test.js`], workerThreads: false, timeout: '60s' };
