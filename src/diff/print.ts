/** This module prints findings for people, for programs, and as annotations of GitHub. */
import { formatPosition, type Position } from '../base/diagnostic.js';
import type { JudgedFinding } from './allowances.js';
import type { Severity } from './changes.js';

/** Returns one to four lines for each finding. */
export function formatText(findings: readonly JudgedFinding[]): string {
  return findings.map(textOf).join('');
}

function textOf(finding: JudgedFinding): string {
  const { severity, change, text, old, new: now, routes, allowed } = finding;
  const place = now ?? old;
  const at = place === undefined ? '' : `${formatPosition(place)}: `;
  const lines = [`${at}${allowed === undefined ? severity : `allowed (${severity})`}: ${text} [${change}]`];
  if (allowed !== undefined) lines.push(`    reason: ${allowed}`);
  if (old !== undefined && now !== undefined) lines.push(`    before: ${formatPosition(old)}`);
  const usedBy = routesText(finding);
  if (usedBy !== undefined && !text.startsWith(`${routes.examples[0]}: `)) lines.push(`    routes: ${usedBy}`);
  return `${lines.join('\n')}\n`;
}

function routesText({ routes: { count, examples } }: Pick<JudgedFinding, 'routes'>): string | undefined {
  if (count === 0) return undefined;
  const more = count - examples.length;
  return `${examples.join(', ')}${more > 0 ? `, and ${more} more` : ''}`;
}

/** Returns a JSON array with one finding per line. */
export function formatJson(findings: readonly JudgedFinding[]): string {
  if (findings.length === 0) return '[]\n';
  const rows = findings.map(({ change, severity, subject, text, old, new: now, routes, allowed }) => ({
    change,
    severity,
    subject,
    text,
    old: old ?? null,
    new: now ?? null,
    routes,
    ...(allowed === undefined ? {} : { allowed }),
  }));
  return `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`;
}

const LEVELS: Readonly<Record<Severity, string>> = { breaking: 'error', risky: 'warning', safe: 'notice' };

/** Returns a workflow command of GitHub for each finding, at its place in the new version. */
export function formatGithub(findings: readonly JudgedFinding[]): string {
  return findings.map(annotationOf).join('');
}

function annotationOf({ severity, change, text, old, new: now, routes, allowed }: JudgedFinding): string {
  const level = allowed === undefined ? LEVELS[severity] : 'notice';
  const before = old === undefined ? '' : `\nbefore: ${formatPosition(old)}`;
  const usedBy = routesText({ routes });
  const message = `${text}${before}${usedBy === undefined ? '' : `\nroutes: ${usedBy}`}${allowed === undefined ? '' : `\nallowed: ${allowed}`}`;
  const place = now === undefined ? '' : placeOf(now);
  return `::${level} ${place}title=${property(`${severity}: ${change}`)}::${data(message)}\n`;
}

function placeOf({ file, line, column }: Position): string {
  // GitHub knows files by their paths in the repository.
  const parts = [`file=${property(file.replace(/^git:[^:]*:/, ''))}`];
  if (line !== undefined) parts.push(`line=${line}`);
  if (column !== undefined) parts.push(`col=${column}`);
  return `${parts.join(',')},`;
}

/** Escapes a text as GitHub's own toolkit does, so that no name in a proto can begin another command. */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

/** Returns a text with the number of findings of each severity, and of those that are allowed. */
export function summaryOf(findings: readonly JudgedFinding[]): string {
  const open = findings.filter(({ allowed }) => allowed === undefined);
  const count = (severity: Severity) => open.filter((finding) => finding.severity === severity).length;
  const allowed = findings.length - open.length;
  const counts = `${count('breaking')} breaking, ${count('risky')} risky, ${count('safe')} safe`;
  return allowed === 0 ? counts : `${counts}, ${allowed} allowed`;
}
