/** The files that a config names, looked into before anything is built from them. */
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Config } from './config.js';
import type { IssueText } from './issues.js';

/** Keys of an upstream's `tls` that name PEM files. */
export const TLS_FILES = ['ca', 'cert', 'key'] as const;

/** Every file that can't be read or used, by the key path that names it. */
export async function fileIssues(config: Config): Promise<readonly IssueText[]> {
  const found = [...config.upstreams].map(([name, { tls }]) => (tls === undefined ? [] : tlsIssues(name, tls)));
  return (await Promise.all(found)).flat();
}

type TlsFiles = NonNullable<
  Config['upstreams'] extends Map<string, infer Upstream extends { tls?: unknown }> ? Upstream['tls'] : never
>;

async function tlsIssues(name: string, tls: TlsFiles): Promise<IssueText[]> {
  const path = ['upstreams', name, 'tls'];
  const issues: IssueText[] = [];
  const contents: Partial<Record<(typeof TLS_FILES)[number], Buffer>> = {};
  for (const key of TLS_FILES) {
    const file = tls[key];
    if (file === undefined) continue;
    const content = await readFile(file).catch(() => undefined);
    if (content === undefined) issues.push(issue([...path, key], 'expected a file that can be read'));
    else if (!content.includes('-----BEGIN ')) issues.push(issue([...path, key], 'expected a PEM file'));
    else contents[key] = content;
  }
  const { cert, key } = tls;
  if ((cert === undefined) !== (key === undefined)) issues.push(issue(path, 'expected cert and key, got one of them'));
  if (issues.length > 0) return issues;
  try {
    createSecureContext(contents);
  } catch {
    issues.push(issue(path, 'expected certificates and a key that belong together'));
  }
  return issues;
}

function issue(path: readonly PropertyKey[], text: string): IssueText {
  return { rule: 'config-value', path, text: `${path.map(String).join('.')}: ${text}` };
}
