/**
 * Writes the code of the package into few files, `dist/package/js`: hundreds of files take much longer to load. Dependencies
 * but one stay outside, so that users can update them. The types stay in `dist/src`. docs/decisions/0021-bundle.md has the reasons.
 *
 *     node scripts/bundle.js       # `npm run build` does it after the compiler
 */
import { cpSync, rmSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { build } from 'esbuild';

const out = process.env.PROTOGATE_OUT ?? 'dist';
/** It is as deep below the root as `dist/src/*`, from where the code finds `protos` and `package.json`. */
const outdir = `${out}/package/js`;

/** zod is 95 files, of which half are error texts in other languages. Each start needs it, and it sees only the config. */
const BUNDLED = new Set(['zod']);

/** Packages that only some starts need, and no request: YAML is read where there is a config file. */
const LOADED_LATE = new Set(['yaml']);

/**
 * Turns the imports of packages into calls of `require`. They are CommonJS packages, and Node reads each of their files twice
 * if `import` loads them. An `import()` stays, and so do Node's own modules.
 */
const packagesByRequire = {
  name: 'packages-by-require',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
      if (BUNDLED.has(path)) return undefined;
      return kind === 'import-statement' && !isBuiltin(path)
        ? { path, namespace: 'package' }
        : { path, external: true };
    });
    onLoad({ filter: /.*/, namespace: 'package' }, ({ path }) => ({
      contents: LOADED_LATE.has(path) ? late(path) : `module.exports = requirePackage(${JSON.stringify(path)});`,
    }));
  },
};

/** Returns a module whose exports are those of the package, which is loaded when one of them is used. */
function late(path) {
  const names = Object.keys(createRequire(import.meta.url)(path));
  return `let loaded;
    for (const name of ${JSON.stringify(names)})
      Object.defineProperty(exports, name, {
        enumerable: true,
        get: () => (loaded ??= requirePackage(${JSON.stringify(path)}))[name],
      });`;
}

rmSync(outdir, { recursive: true, force: true });
await build({
  entryPoints: {
    main: `${out}/src/cli/main.js`,
    index: `${out}/src/index.js`,
    // Each of these runs in a process or thread of its own, and is looked for beside the file that starts it.
    'worker-start': `${out}/src/process/worker-start.js`,
    pulse: `${out}/src/process/pulse.js`,
    'parse-worker': `${out}/src/schema/parse-worker.js`,
  },
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  plugins: [packagesByRequire],
  banner: {
    js: "import { createRequire as requireFrom } from 'node:module';\nconst requirePackage = requireFrom(import.meta.url);",
  },
  logLevel: 'warning',
});
// The licence asks for a copy beside the code.
for (const name of BUNDLED) cpSync(`node_modules/${name}/LICENSE`, `${outdir}/LICENSE-${name}`);
