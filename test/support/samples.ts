/**
 * Runs the samples of a page, in the order in which they stand, in one temporary folder:
 *
 *     yaml       the config, a service config or a keys file, read as the gateway reads it
 *     proto      a file, or a part of one, checked beside the demo's protos
 *     sh         curl against the demo, and protogate in this process
 *     console    the same after `$ `, and the answer that stands below it; `…` is any text
 *     json       parses
 *
 * The folder's `protos` are the demo's, and it has a `protogate.yaml` for them. A block whose first line is a comment with a file's name is stored under that name.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Diagnostic, formatDiagnostic } from '../../src/base/diagnostic.js';
import { main } from '../../src/cli/main.js';
import { planFlags } from '../../src/cli/schema-options.js';
import { serveCommand } from '../../src/cli/serve.js';
import { loadConfig } from '../../src/config/load.js';
import { parseConfig } from '../../src/config/parse.js';
import { plan } from '../../src/gateway/plan.js';
import { readKeyFile } from '../../src/policy/access/key-file.js';
import { certificates } from './certificates.js';
import type { Block } from './pages.js';
import { ROOT } from './run.js';

const run = promisify(execFile);

/** The gateway that the samples ask. */
export interface SampleServer {
  readonly url: string;
  readonly adminUrl: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Findings that a sample may have: it shows one thing, and leaves out what a whole API would have. */
const EXPECTED_WARNINGS: ReadonlySet<string> = new Set([
  'addresses-of-proxy',
  'cache-anonymous',
  'no-auth',
  'no-upstream',
  'public-write',
  'unused-credentials',
]);

const CERTIFICATES = certificates();

/** `protogate.yaml` of the folder. */
const CONFIG = `version: 1
schema: { protos: [protos] }
upstreams: { shop: { target: "127.0.0.1:50051" } }
auth: { default: public, apiKeys: { file: keys.yaml } }
`;

const PUBLIC = 'http://127.0.0.1:8080';
const ADMIN = 'http://127.0.0.1:9901';

export class Samples {
  private constructor(
    private readonly folder: string,
    private readonly server: SampleServer,
  ) {}

  static async open(server: SampleServer): Promise<Samples> {
    const folder = await mkdtemp(join(tmpdir(), 'protogate-samples-'));
    await cp(join(ROOT, 'protos/demo'), join(folder, 'protos'), { recursive: true });
    const { ca, server: own } = CERTIFICATES;
    await mkdir(join(folder, 'tls'));
    await writeFile(join(folder, 'tls/ca.pem'), ca);
    await writeFile(join(folder, 'tls/cert.pem'), own.cert);
    await writeFile(join(folder, 'tls/key.pem'), own.key);
    await writeFile(join(folder, 'keys.yaml'), 'keys: []\n');
    await writeFile(join(folder, 'protogate.yaml'), CONFIG);
    return new Samples(folder, server);
  }

  close(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }

  /** Rejects with what is wrong. A block that says why it is not run is only stored. */
  async run({ language, notRun, text }: Block): Promise<void> {
    const named = /^(?:#|\/\/) (\S+\.(?:yaml|proto))\n/.exec(text)?.[1];
    if (named !== undefined) {
      await mkdir(dirname(join(this.folder, named)), { recursive: true });
      await writeFile(join(this.folder, named), text);
    }
    if (notRun !== undefined) return;
    const runner = this.runners[language];
    if (runner === undefined) throw new Error(`'${language}' is not run: give a reason in parentheses behind it`);
    await runner(text);
  }

  private readonly runners: Readonly<Record<string, (text: string) => Promise<void>>> = {
    yaml: (text) => this.readYaml(text),
    proto: (text) => this.checkProto(text),
    sh: async (text) => {
      for (const line of commandsOf(text)) await this.command(line);
    },
    console: async (text) => {
      for (const [, command = '', expected = ''] of text.matchAll(/^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)/gm)) {
        const [line = ''] = commandsOf(command);
        requireLike(await this.command(line), expected, line);
      }
    },
    json: async (text) => void JSON.parse(text),
  };

  private async readYaml(text: string): Promise<void> {
    const write = async (name: string, content: string) => {
      await writeFile(join(this.folder, name), content);
      return join(this.folder, name);
    };
    if (/^keys:/m.test(text)) return none(readKeyFile(await write('sample-keys.yaml', text)).diagnostics);
    const isServiceConfig = text.includes('type: google.api.Service');
    const config = isServiceConfig
      ? `schema: { protos: [protos], httpRules: [${await write('sample-rules.yaml', text)}] }\n`
      : text;
    const version = /^version:/m.test(config) ? '' : 'version: 1\n';
    // The demo's protos demand callers.
    const auth = /^auth:/m.test(config) ? '' : 'auth: { default: public, apiKeys: { file: keys.yaml } }\n';
    const file = await write('sample.yaml', `${version}${auth}${config}`);
    const env = {
      REDIS_URL: 'redis://127.0.0.1:6379',
      REDIS_PASSWORD: 'x',
      JWT_SECRET: 's'.repeat(32),
      ORDERS: 'orders:1',
    };
    const loaded = await loadConfig(file, env, this.folder);
    none(loaded.diagnostics);
    const { schema, ...rest } = loaded.config!;
    const protos = schema.protos.length > 0 ? schema.protos : [join(this.folder, 'protos')];
    none((await plan({ ...rest, schema: { ...schema, protos } })).diagnostics);
  }

  /** A part of a file goes into a package of its own below the demo's, which sees the demo's types. */
  private async checkProto(text: string): Promise<void> {
    const whole = /^syntax =/m.test(text);
    const folder = await mkdtemp(join(this.folder, 'sample-'));
    await writeFile(join(folder, 'sample.proto'), whole ? text : fileOf(text));
    const { config } = parseConfig({
      version: 1,
      schema: { protos: whole ? [folder] : [folder, join(ROOT, 'protos/demo')], exclude: whole ? [] : shownRpcs(text) },
      upstreams: { all: { target: '127.0.0.1:50051' } },
      auth: { default: 'optional', apiKeys: { file: join(this.folder, 'keys.yaml') } },
    });
    const { diagnostics } = await plan(config!);
    none(diagnostics.filter(({ position }) => position.file.startsWith(folder)));
  }

  /** Runs one line; returns what it prints. */
  private async command(line: string): Promise<string> {
    const words = wordsOf(line);
    const [program] = words;
    if (program === 'npx' && words[1] === 'protogate') return this.protogate(words.slice(2));
    if (program === 'curl' || program === 'echo') return this.shell(line);
    throw new Error(`'${program}' is not run here: ${line}`);
  }

  private async shell(line: string): Promise<string> {
    const { url, adminUrl, env } = this.server;
    const real = line.replaceAll(PUBLIC, url).replaceAll(ADMIN, adminUrl);
    const { stdout } = await run('bash', ['-c', real], {
      env: { ...process.env, ...env },
      cwd: this.folder,
      timeout: 20_000,
    });
    return stdout.replaceAll('\r', '').replaceAll(url, PUBLIC);
  }

  private async protogate(args: readonly string[]): Promise<string> {
    const redirect = args.findIndex((word) => word === '>' || word === '>>');
    const own = redirect < 0 ? args : args.slice(0, redirect);
    const before = process.cwd();
    process.chdir(this.folder);
    try {
      if (own[0] === 'serve') return await wouldServe(own.slice(1));
      const { output, stdout } = await captured(() => main(own));
      if (redirect < 0) return output;
      await writeFile(args[redirect + 1]!, stdout, { flag: args[redirect] === '>>' ? 'a' : 'w' });
      return output.replace(stdout, '');
    } finally {
      process.chdir(before);
    }
  }
}

/** Loads all that `serve` would load, and opens no port. */
async function wouldServe(args: readonly string[]): Promise<string> {
  const command = serveCommand(() => {}).exitOverride();
  // The demo's protos demand callers, which flags alone cannot know.
  const isOwn = ({ rule }: Diagnostic) => rule !== 'auth-impossible';
  command.action(async (flags) => none((await planFlags(flags)).diagnostics.filter(isOwn)));
  await command.parseAsync(args, { from: 'user' });
  return '';
}

/** Runs a command in this process; what it prints is kept and not shown. */
async function captured(command: () => Promise<number>): Promise<{ output: string; stdout: string }> {
  let output = '';
  let stdout = '';
  const { stdout: out, stderr: err } = process;
  const [writeOut, writeErr] = [out.write, err.write];
  out.write = (chunk: unknown) => {
    output += String(chunk);
    stdout += String(chunk);
    return true;
  };
  err.write = (chunk: unknown) => {
    output += String(chunk);
    return true;
  };
  out.setMaxListeners(0);
  err.setMaxListeners(0);
  try {
    if ((await command()) === 2) throw new Error(output);
  } finally {
    out.write = writeOut;
    err.write = writeErr;
  }
  return { output, stdout };
}

function none(diagnostics: readonly Diagnostic[]): void {
  const wrong = diagnostics.filter(({ severity, rule }) => severity === 'error' || !EXPECTED_WARNINGS.has(rule));
  if (wrong.length > 0) throw new Error(wrong.map(formatDiagnostic).join('\n'));
}

/** Lines without comments; a backslash at the end continues a line. */
function commandsOf(text: string): string[] {
  const lines = text.replace(/\\\n\s*/g, '').split('\n');
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
}

/** `explain GET '/v1/a b' # comment` → its words, without quotes. */
function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (const [word] of line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)) {
    if (word.startsWith('#')) break;
    words.push(word.replace(/'([^']*)'|"([^"]*)"/g, (_, single, double) => single ?? double));
  }
  return words;
}

function requireLike(found: string, expected: string, line: string): void {
  const pattern = expected
    .trimEnd()
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('[\\s\\S]*?');
  if (new RegExp(`^${pattern}$`).test(found.trimEnd())) return;
  throw new Error(`${line}\nexpected\n${expected}\ngot\n${found}`);
}

const IMPORTS = [
  'google/api/annotations.proto',
  'google/api/httpbody.proto',
  'google/protobuf/any.proto',
  'google/protobuf/duration.proto',
  'google/protobuf/empty.proto',
  'google/protobuf/field_mask.proto',
  'google/protobuf/struct.proto',
  'google/protobuf/timestamp.proto',
  'google/protobuf/wrappers.proto',
  'protogate/v1/annotations.proto',
  ...['analytics', 'catalog', 'customers', 'orders', 'pages', 'support'].map((name) => `shop/v1/${name}.proto`),
];

/** Rpcs that stand alone go into a service, and an option of an rpc into an rpc. */
function fileOf(part: string): string {
  const imports = IMPORTS.map((name) => `import "${name}";`).join('\n');
  const own = part.replace(/^import .*\n/gm, '');
  const rpc = /^option \(protogate\.v1\.policy\)/m.test(own)
    ? `rpc Sample(shop.v1.GetOrderRequest) returns (shop.v1.Order) {\n option (google.api.http) = { get: "/sample/{name=**}" };\n${own}}`
    : own;
  const [rpcs, others] = splitRpcs(rpc);
  const service = rpcs === '' ? '' : `service Sample {\n${rpcs}\n}\n`;
  return `syntax = "proto3";\npackage shop.v1.sample;\n${imports}\n${service}${others}`;
}

/** An rpc begins at the start of a line and ends with `;` or its closing brace. */
function splitRpcs(text: string): [rpcs: string, others: string] {
  let [rpcs, others, depth, inRpc] = ['', '', 0, false];
  for (const line of text.split('\n')) {
    inRpc ||= line.startsWith('rpc ');
    if (inRpc) rpcs += `${line}\n`;
    else others += `${line}\n`;
    const code = line.replace(/"[^"]*"|\/\/.*/g, '');
    depth += code.split('{').length - code.split('}').length;
    if (depth === 0 && /[;}]\s*$/.test(code)) inRpc = false;
  }
  return [rpcs, others];
}

/** The rpcs of the demo that samples show. They must be left out, because they would have the same paths. */
function shownRpcs(text: string): string[] {
  return [...text.matchAll(/^\s*rpc (\w+)/gm)].flatMap(([, name = '']) => DEMO_RPCS.get(name) ?? []);
}

/** The demo's rpcs by their own names: `GetOrder` → `shop.v1.Orders/GetOrder`. */
const DEMO_RPCS: ReadonlyMap<string, string> = new Map(demoRpcs());

function demoRpcs(): (readonly [name: string, fullName: string])[] {
  const folder = join(ROOT, 'protos/demo/shop/v1');
  const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  return texts.flatMap((text) => {
    const service = /^service (\w+)/m.exec(text)?.[1] ?? '';
    return [...text.matchAll(/^ {2}rpc (\w+)/gm)].map(([, name = '']) => [name, `shop.v1.${service}/${name}`] as const);
  });
}
