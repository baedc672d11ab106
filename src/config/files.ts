/** This module checks the files that a config names, before anything is built from them. */
import { access, constants, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createSecureContext } from 'node:tls';
import { unreadable } from '../base/unreadable.js';
import { isForAny, noKeyText, parseJwks, TOKEN_ALGORITHMS } from '../policy/access/jwk-set.js';
import type { Config } from './config.js';
import type { IssueText } from './issues.js';

/** The keys of the `tls` blocks of upstreams and of the listener that name PEM files. */
export const TLS_FILES = ['ca', 'cert', 'key'] as const;
export const SERVER_TLS_FILES = ['cert', 'key', 'clientCa'] as const;

/**
 * Returns an issue for each file in the config that cannot be read or used, with the path of the config key that names the
 * file.
 */
export async function fileIssues(config: Config): Promise<readonly IssueText[]> {
  const { upstreams, listen, auth, log, surfaces } = config;
  const found = [...upstreams].map(([name, { tls = {} }]) => tlsIssues(['upstreams', name, 'tls'], tls));
  found.push(tlsIssues(['listen', 'tls'], listen.tls ?? {}));
  const auths = [
    { path: ['auth'], auth },
    ...surfaces.map((one, index) => ({ path: ['surfaces', index, 'auth'], auth: one.auth })),
  ];
  for (const { path, auth } of auths) {
    for (const [index, { keys, algorithms }] of (auth?.jwt ?? []).entries()) {
      if (keys.kind === 'file') found.push(jwksIssues([...path, 'jwt', index, 'jwksFile'], keys.file, algorithms));
    }
    if (auth?.mtls !== undefined && listen.tls?.clientCa === undefined) {
      found.push(Promise.resolve([issue([...path, 'mtls'], 'expected listen.tls.clientCa as well, got none')]));
    }
  }
  if (log.audit !== undefined) found.push(auditIssues(log.audit));
  return (await Promise.all(found)).flat();
}

async function auditIssues(file: string): Promise<IssueText[]> {
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  const isWritable = access(isThere ? file : dirname(file), constants.W_OK).then(
    () => [],
    () => [issue(['log', 'audit'], 'expected a file that can be written')],
  );
  return isWritable;
}

type PemFiles = Readonly<Partial<Record<'ca' | 'cert' | 'key' | 'clientCa', string | undefined>>>;

async function tlsIssues(path: readonly PropertyKey[], tls: PemFiles): Promise<IssueText[]> {
  const issues: IssueText[] = [];
  const contents = new Map<string, Buffer>();
  for (const name of ['ca', 'cert', 'key', 'clientCa'] as const) {
    const file = tls[name];
    if (file === undefined) continue;
    const content = await readFile(file).catch(unreadable);
    if (typeof content === 'string') issues.push(issue([...path, name], content));
    else if (!content.includes('-----BEGIN ')) issues.push(issue([...path, name], 'expected a PEM file'));
    else contents.set(name === 'clientCa' ? 'ca' : name, content);
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    issues.push(issue(path, 'expected both cert and key, got only one of them'));
  }
  if (issues.length > 0) return issues;
  try {
    createSecureContext(Object.fromEntries(contents));
  } catch {
    issues.push(issue(path, 'expected a certificate and its own private key, got a key of another certificate'));
  }
  return issues;
}

/**
 * Returns the issues of a `jwksFile`. A key that cannot be used is no issue (RFC 7517 §5); another check warns of it. It is an
 * issue if no usable key is left, or none for an algorithm in `algorithms`.
 */
async function jwksIssues(
  path: readonly PropertyKey[],
  file: string,
  algorithms: readonly string[],
): Promise<IssueText[]> {
  const content = await readFile(file).catch(unreadable);
  if (typeof content === 'string') return [issue(path, content)];
  const { keys, problems } = parseJwks(content.toString());
  if (keys === undefined) return problems.map((problem) => issue(path, problem.text));
  if (keys.length === 0) return [issue(path, noKeyText(problems))];
  if (keys.some((key) => isForAny(key, algorithms))) return [];
  const others = [...new Set(keys.flatMap((key) => TOKEN_ALGORITHMS.find((one) => isForAny(key, [one])) ?? []))];
  const expected = `expected a key for ${algorithms.join(' or ')}`;
  return [issue(path, `${expected}, got keys for ${others.join(' and ')}; name these in algorithms`)];
}

function issue(path: readonly PropertyKey[], text: string): IssueText {
  return { rule: 'config-value', path, text: `${path.map(String).join('.')}: ${text}` };
}
