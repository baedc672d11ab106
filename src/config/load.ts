/**
 * This module reads the config file, and reports each problem with its line and column. `${NAME}`, `${NAME:-default}` and
 * `${file:PATH}` in strings are replaced after the YAML was parsed, so that a value cannot change the structure. Diagnostics
 * never show a replaced value.
 */

import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isMap, isNode, isScalar, type Scalar, visit } from 'yaml';
import { type Diagnostic, errorAt, type Position } from '../base/diagnostic.js';
import type { RuleId } from '../base/rules.js';
import { unreadable } from '../base/unreadable.js';
import { type Config, configSchema } from './config.js';
import { fileIssues, SERVER_TLS_FILES, TLS_FILES } from './files.js';
import { type IssueText, issueTexts, readConfig } from './issues.js';
import { type ParsedConfig, parseConfig } from './parse.js';
import { surfaceIssues } from './surface-configs.js';
import { readYaml, type YamlFile } from './yaml.js';

const MAX_FILE_BYTES = 1024 * 1024;

const SUBSTITUTIONS = '${NAME}, ${NAME:-default} or ${file:PATH}';

/**
 * Loads the config file, or returns the defaults if no file is given. Relative paths in it become absolute; they are relative
 * to the folder of the file.
 */
export async function loadConfig(file: string | undefined, env: NodeJS.ProcessEnv, cwd: string): Promise<ParsedConfig> {
  if (file === undefined) return parseConfig({ version: 1 });
  const path = resolve(cwd, file);
  let text: string;
  try {
    if ((await stat(path)).size > MAX_FILE_BYTES) return refused(file, 'config-file', 'expected at most 1 MiB');
    text = await readFile(path, 'utf8');
  } catch (error) {
    return refused(file, 'config-file', unreadable(error));
  }
  const yaml = new ConfigFile(file, dirname(path), text);
  return {
    ...(await yaml.load(env)),
    files: [path, ...yaml.substitutedFiles],
    placeOf: (path) => yaml.placeOf({ path: [...path], rule: 'config-value' }),
    hash: createHash('sha256').update(text).digest('hex').slice(0, HASH_CHARACTERS),
  };
}

/** The number of characters of a digest that are shown. They are enough to distinguish the config files of one gateway. */
const HASH_CHARACTERS = 12;

function refused(file: string, rule: RuleId, text: string): ParsedConfig {
  return { diagnostics: [errorAt({ file }, rule, text)] };
}

class ConfigFile {
  private readonly yaml: YamlFile;
  private readonly document: YamlFile['document'];
  private readonly diagnostics: Diagnostic[] = [];
  private readonly substituted = new Set<unknown>();
  /** The offsets of the strings in which a variable could not be replaced. */
  private readonly unknown: number[] = [];
  /** The paths of the files in `${file:PATH}`. */
  readonly substitutedFiles: string[] = [];
  /** The texts after replacement, which error messages must not show. */
  private readonly hidden = new Set<string>();

  constructor(
    private readonly file: string,
    private readonly folder: string,
    text: string,
  ) {
    this.yaml = readYaml(text);
    this.document = this.yaml.document;
  }

  async load(env: NodeJS.ProcessEnv): Promise<ParsedConfig> {
    for (const { offset, text } of this.yaml.problems) this.diagnostics.push(errorAt(this.at(offset), 'yaml', text));
    if (this.diagnostics.length > 0) return { diagnostics: this.diagnostics };
    await this.substitute(env);
    const value = this.value();
    if (value === undefined) return { diagnostics: this.diagnostics };
    const config = this.parse(value);
    if (config === undefined || this.unknown.length > 0)
      return { ...this.schemaAlone(value), diagnostics: this.diagnostics };
    const resolved = this.placed(this.resolvePaths(config));
    this.report([...surfaceIssues(resolved), ...(await fileIssues(resolved))]);
    return this.diagnostics.length > 0
      ? { schema: resolved.schema, diagnostics: this.diagnostics }
      : { config: resolved, diagnostics: this.diagnostics };
  }

  /**
   * Returns only the block `schema` of the file. The result is empty if this block has errors, or if a misspelled key may
   * belong to it.
   */
  private schemaAlone(value: unknown): Pick<ParsedConfig, 'schema'> {
    const { shape } = configSchema;
    if (typeof value !== 'object' || value === null) return {};
    if (!('schema' in value) && Object.keys(value).some((key) => !Object.hasOwn(shape, key))) return {};
    const { success, data } = shape.schema.safeParse('schema' in value ? value.schema : undefined);
    return success ? { schema: this.resolveSchema(data) } : {};
  }

  /** Returns the values of the file. If it is empty or uses too many YAML aliases, reports that and returns undefined. */
  private value(): unknown {
    try {
      const value: unknown = this.document.toJS({ maxAliasCount: 50 });
      if (value !== null) return value;
      const text = "expected a config that begins with 'version: 1', got an empty file";
      this.diagnostics.push(errorAt(this.at(0), 'config-value', text));
    } catch {
      this.diagnostics.push(
        errorAt(this.at(this.yaml.firstAlias ?? 0), 'yaml', 'expected at most 50 uses of YAML aliases, got more'),
      );
    }
    return undefined;
  }

  private parse(value: unknown): Config | undefined {
    const first = readConfig(value);
    const read = first.success ? value : this.withNumbers(value, first.error.issues);
    const result = first.success ? first : readConfig(read);
    if (result.success) return result.data;
    this.report(issueTexts(result.error.issues, read, this.hidden).filter((issue) => !this.isOfUnknown(issue)));
    return undefined;
  }

  /** Returns true if the issue is about a value that is, or contains, a string in which a variable could not be replaced. */
  private isOfUnknown({ path, rule }: IssueText): boolean {
    if (rule === 'unknown-key') return false;
    const node = path.length === 0 ? this.document.contents : this.document.getIn(path, true);
    if (!isNode(node) || !node.range) return false;
    const [start, , end] = node.range;
    return this.unknown.some((offset) => offset >= start && offset < end);
  }

  private report(issues: readonly IssueText[]): void {
    for (const issue of issues) this.diagnostics.push(errorAt(this.placeOf(issue), issue.rule, issue.text));
  }

  /** Turns replaced text into a number or a boolean where one is expected, because `${NAME}` is always replaced by text. */
  private withNumbers(value: unknown, issues: readonly Mistyped[]): unknown {
    for (const { code, path } of issues.flatMap((issue) => membersOf(issue))) {
      const node = this.document.getIn(path, true);
      if (!MISTYPED.has(code) || !isScalar(node) || !this.substituted.has(node)) continue;
      if (/^\d+(\.\d+)?$/.test(String(node.value))) this.document.setIn(path, Number(node.value));
      else if (/^(true|false)$/.test(String(node.value))) this.document.setIn(path, node.value === 'true');
    }
    return this.document.toJS({ maxAliasCount: 50 }) ?? value;
  }

  /** Replaces the variables in all strings of the file, but not in keys. */
  private async substitute(env: NodeJS.ProcessEnv): Promise<void> {
    const scalars: Scalar<string>[] = [];
    visit(this.document, {
      Scalar(key, node) {
        if (key !== 'key' && typeof node.value === 'string' && node.value.includes('${')) {
          scalars.push(node as Scalar<string>);
        }
      },
    });
    for (const scalar of scalars) {
      const parts: string[] = [];
      const problems = this.diagnostics.length;
      let last = 0;
      for (const match of scalar.value.matchAll(/\$(\$\{)|\$\{([^{}]*)\}|\$\{/g)) {
        parts.push(scalar.value.slice(last, match.index));
        const [, escaped, name] = match;
        if (escaped === undefined && name === undefined) this.reportUnclosed(scalar);
        parts.push(escaped ?? (name === undefined ? '' : await this.lookUp(name, env, scalar)));
        last = match.index + match[0].length;
      }
      const failed = this.diagnostics.length > problems;
      // The value and its type are not known, so `isOfUnknown` drops the issues of every part that contains it.
      (scalar as Scalar).value = failed ? null : parts.join('') + scalar.value.slice(last);
      if (failed) {
        this.unknown.push(scalar.range?.[0] ?? 0);
        continue;
      }
      this.substituted.add(scalar);
      this.hidden.add(scalar.value);
    }
  }

  /**
   * Reports a `${` without a closing `}`. The string is not shown, because it may be a password that contains `${` itself,
   * which must be written `$${`.
   */
  private reportUnclosed(scalar: Scalar): void {
    const text = `\${: expected ${SUBSTITUTIONS}, got no closing '}' ($\${ stands for \${ itself)`;
    this.diagnostics.push(errorAt(this.at(scalar.range?.[0] ?? 0), 'substitution', text));
  }

  private async lookUp(name: string, env: NodeJS.ProcessEnv, scalar: Scalar): Promise<string> {
    const position = this.at(scalar.range?.[0] ?? 0);
    if (name.startsWith('file:')) {
      const path = resolve(this.folder, name.slice('file:'.length));
      this.substitutedFiles.push(path);
      try {
        return (await readFile(path, 'utf8')).trimEnd();
      } catch (error) {
        this.diagnostics.push(errorAt(position, 'substitution', `\${${name}}: ${unreadable(error)}`));
        return '';
      }
    }
    const [, variable, fallback] = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(name) ?? [];
    if (variable === undefined) {
      const [shown] = name.split(':-', 1);
      this.diagnostics.push(errorAt(position, 'substitution', `\${${shown}}: expected ${SUBSTITUTIONS}`));
      return '';
    }
    // An empty variable counts as one that is not set, as in a shell.
    if (fallback !== undefined) return env[variable] || fallback;
    if (env[variable] === undefined)
      this.diagnostics.push(
        errorAt(
          position,
          'substitution',
          `\${${name}}: expected this environment variable, but it is not set; set it, or give a default as \${${name}:-default}`,
        ),
      );
    return env[variable] ?? '';
  }

  private resolvePaths(config: Config): Config {
    const absolute = (path: string) => resolve(this.folder, path);
    const { auth, listen, log, surfaces } = config;
    const upstreams = new Map(
      [...config.upstreams].map(([name, upstream]) => {
        if (upstream.tls === undefined) return [name, upstream] as const;
        return [name, { ...upstream, tls: withFiles(upstream.tls, TLS_FILES, absolute) }] as const;
      }),
    );
    return {
      ...config,
      schema: this.resolveSchema(config.schema),
      upstreams,
      listen: listen.tls === undefined ? listen : { ...listen, tls: withFiles(listen.tls, SERVER_TLS_FILES, absolute) },
      auth: auth === undefined ? undefined : withAuthFiles(auth, absolute),
      log: log.audit === undefined ? log : { ...log, audit: absolute(log.audit) },
      surfaces: surfaces.map((one) =>
        one.auth === undefined ? one : { ...one, auth: withAuthFiles(one.auth, absolute) },
      ),
    };
  }

  private resolveSchema(schema: Config['schema']): Config['schema'] {
    const absolute = (paths: readonly string[]) => paths.map((path) => resolve(this.folder, path));
    return {
      ...schema,
      protos: absolute(schema.protos),
      imports: absolute(schema.imports),
      descriptorSets: absolute(schema.descriptorSets),
      httpRules: absolute(schema.httpRules),
      exclude: schema.exclude.map(({ pattern }, index) => ({
        pattern,
        position: this.placeOf({ path: ['schema', 'exclude', index], rule: 'config-value' }),
      })),
    };
  }

  /** Adds to the config the positions that later diagnostics need. */
  private placed(config: Config): Config {
    const at = (...path: PropertyKey[]) => this.placeOf({ path, rule: 'config-value' });
    return {
      ...config,
      auth: config.auth === undefined ? undefined : { ...config.auth, position: at('auth') },
      admin: config.admin === undefined ? undefined : { ...config.admin, position: at('admin') },
      errors: { ...config.errors, position: at('errors', 'expose') },
      upstreams: new Map(
        [...config.upstreams].map(([name, own]) => [name, { ...own, position: at('upstreams', name) }]),
      ),
      policies: config.policies.map((rule, index) => placedRule(rule, at('policies', index))),
      surfaces: config.surfaces.map((one, index) => ({
        ...one,
        position: at('surfaces', index),
        auth: one.auth === undefined ? undefined : { ...one.auth, position: at('surfaces', index, 'auth') },
        policies: one.policies.map((rule, own) => placedRule(rule, at('surfaces', index, 'policies', own))),
      })),
    };
  }

  /** Returns the position of an unknown key, of the value at the path, or of the nearest parent that exists. */
  placeOf({ path, rule }: Pick<IssueText, 'path' | 'rule'>): Position {
    if (rule === 'unknown-key') {
      const parent = path.length === 1 ? this.document.contents : this.document.getIn(path.slice(0, -1), true);
      const pair = isMap(parent)
        ? parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1))
        : undefined;
      if (isNode(pair?.key) && pair.key.range) return this.at(pair.key.range[0]);
    }
    for (let length = path.length; length >= 0; length--) {
      const node = length === 0 ? this.document.contents : this.document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return this.at(node.range[0]);
    }
    return { file: this.file };
  }

  private at(offset: number): Position {
    const { line, col } = this.yaml.lines.linePos(offset);
    return { file: this.file, line, column: col };
  }
}

interface Mistyped {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  /** The issues of each alternative of a union. Absent for other issues. */
  readonly errors?: readonly (readonly Mistyped[])[];
}

const MISTYPED: ReadonlySet<string> = new Set(['invalid_type', 'invalid_value']);

/** Returns the issues of all alternatives of a union as one list, with whole paths: those in `errors` begin at the union. */
function membersOf({ code, path, errors }: Mistyped): readonly Mistyped[] {
  if (errors === undefined) return [{ code, path }];
  return errors.flat().flatMap((error) => membersOf({ ...error, path: [...path, ...error.path] }));
}

function withFiles<Key extends string, Settings extends { readonly [key in Key]?: string | undefined }>(
  settings: Settings,
  keys: readonly Key[],
  absolute: (path: string) => string,
): Settings {
  const files = keys.flatMap((key) => (settings[key] === undefined ? [] : [[key, absolute(settings[key])]]));
  return { ...settings, ...Object.fromEntries(files) };
}

type Rule = Config['policies'][number];

function placedRule(rule: Rule, position: Position): Rule {
  return { ...rule, declaration: { ...rule.declaration, position } };
}

type Auth = NonNullable<Config['auth']>;

function withAuthFiles(auth: Auth, absolute: (path: string) => string): Auth {
  const { apiKeys } = auth;
  return {
    ...auth,
    apiKeys: apiKeys === undefined ? undefined : { ...apiKeys, file: absolute(apiKeys.file) },
    jwt: auth.jwt.map((issuer) =>
      issuer.keys.kind === 'file'
        ? { ...issuer, keys: { kind: 'file' as const, file: absolute(issuer.keys.file) } }
        : issuer,
    ),
  };
}
