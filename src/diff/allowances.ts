/**
 * This module reads the file of accepted changes:
 *
 *     allow:
 *       - change: field-gone
 *         subject: shop.v1.Item.title      # or shop.v1.Item.*
 *         reason: Nobody has read it since March, as the logs show.
 */
import * as z from 'zod';
import { meantHint } from '../base/did-you-mean.js';
import { compilePatterns } from '../base/name-patterns.js';
import { readYaml } from '../config/yaml.js';
import { CHANGES, type ChangeId } from './changes.js';
import type { Finding } from './finding.js';

/** One accepted change. */
export interface Allowance {
  readonly change: ChangeId;
  /** The subject of the findings that are accepted. A `*` at its end matches any text. */
  readonly subject: string;
  readonly reason: string;
  readonly line: number;
}

/** The largest file that is read, in bytes. */
export const MAX_ALLOW_BYTES = 1024 * 1024;

/** The error for a file that is no list of allowances. `line` starts at 1. */
export class AllowanceError extends Error {
  override readonly name = 'AllowanceError';
  constructor(
    readonly line: number,
    message: string,
  ) {
    super(message);
  }
}

const entry = z.strictObject({
  change: z.string({ error: 'expected the id of a change, such as field-gone' }),
  subject: z.string({ error: 'expected the subject of a finding, such as shop.v1.Item.title' }).min(1),
  reason: z
    .string({ error: 'expected a reason' })
    .refine((text) => text.trim() !== '', { error: 'expected a reason, got an empty text' }),
});

const schema = z.strictObject({ allow: z.array(entry, { error: 'expected a list' }) });

/** Parses the file. Throws {@link AllowanceError} at the first error. */
export function parseAllowances(text: string): readonly Allowance[] {
  const { document, lines, problems } = readYaml(text);
  const [problem] = problems;
  if (problem !== undefined) throw new AllowanceError(lines.linePos(problem.offset).line, problem.text);
  const lineOf = (path: readonly PropertyKey[]): number => {
    for (let length = path.length; length > 0; length--) {
      const node = document.getIn(path.slice(0, length), true) as { range?: readonly number[] } | undefined;
      if (node?.range != null) return lines.linePos(node.range[0]!).line;
    }
    return 1;
  };
  const read = schema.safeParse(document.toJS({ maxAliasCount: 50 }) ?? {});
  if (!read.success) {
    const { path, message } = read.error.issues[0]!;
    throw new AllowanceError(lineOf(path), `${path.map(String).join('.')}${path.length > 0 ? ': ' : ''}${message}`);
  }
  return read.data.allow.map(({ change, ...rest }, index) => {
    const line = lineOf(['allow', index]);
    if (isChange(change)) return { change, ...rest, line };
    const hint = meantHint(change, Object.keys(CHANGES));
    throw new AllowanceError(
      lineOf(['allow', index, 'change']),
      `expected the id of a change, such as field-gone, got '${change}'${hint}`,
    );
  });
}

function isChange(text: string): text is ChangeId {
  return Object.hasOwn(CHANGES, text);
}

/** A finding, with the reason for which it is accepted. */
export interface JudgedFinding extends Finding {
  /** Undefined if nothing accepts the finding. */
  readonly allowed: string | undefined;
}

export interface Judged {
  readonly findings: readonly JudgedFinding[];
  /** The allowances that no finding needs. */
  readonly unused: readonly Allowance[];
}

/** Gives each finding the reason of the first allowance that is for it. */
export function judge(findings: readonly Finding[], allowances: readonly Allowance[]): Judged {
  const used = new Set<Allowance>();
  const compiled = allowances.map((one) => ({ one, fits: compilePatterns([one.subject]) }));
  const judged = findings.map((finding): JudgedFinding => {
    const fitting = compiled.filter(({ one, fits }) => one.change === finding.change && fits(finding.subject));
    for (const { one } of fitting) used.add(one);
    return { ...finding, allowed: fitting[0]?.one.reason };
  });
  return { findings: judged, unused: allowances.filter((one) => !used.has(one)) };
}
