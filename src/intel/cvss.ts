// CVSS version 3 base scores, from vectors (FIRST, CVSS v3.1 specification, sections 7.1 to 7.4 and appendix A).
import type { Severity } from '../model/common.ts';

const weights = {
  AV: { N: 0.85, A: 0.62, L: 0.55, P: 0.2 },
  AC: { L: 0.77, H: 0.44 },
  PR: { N: 0.85, L: 0.62, H: 0.27 },
  UI: { N: 0.85, R: 0.62 },
  S: { U: 0, C: 1 },
  C: { H: 0.56, L: 0.22, N: 0 },
  I: { H: 0.56, L: 0.22, N: 0 },
  A: { H: 0.56, L: 0.22, N: 0 },
} as const satisfies Record<string, Record<string, number>>;

type Metric = keyof typeof weights;
const metrics = Object.keys(weights) as Metric[];
/** Privileges weigh more where the scope changes (table 15). */
const changedScopePrivileges: Readonly<Record<string, number>> = { N: 0.85, L: 0.68, H: 0.5 };

/**
 * The base score of a CVSS 3.0 or 3.1 vector, 0 to 10 in tenths. Temporal and environmental metrics are passed over.
 * Undefined for what is no such vector: unknown, repeated or missing base metrics, or another version.
 */
export function cvssBaseScore(vector: string): number | undefined {
  const [prefix, ...parts] = vector.split('/');
  if (prefix !== 'CVSS:3.0' && prefix !== 'CVSS:3.1') return undefined;
  const letters = new Map<string, string>();
  for (const part of parts) {
    const [name = '', value = '', extra] = part.split(':');
    if (extra !== undefined || !/^[A-Z]{1,3}$/.test(name) || !/^[A-Z]$/.test(value) || letters.has(name)) {
      return undefined;
    }
    letters.set(name, value);
  }
  const values = {} as Record<Metric, number>;
  for (const metric of metrics) {
    const options: Readonly<Record<string, number>> = weights[metric];
    const letter = letters.get(metric) ?? '';
    const weight = Object.hasOwn(options, letter) ? options[letter] : undefined;
    if (weight === undefined) return undefined;
    values[metric] = weight;
  }
  const changed = values.S === 1;
  if (changed) values.PR = changedScopePrivileges[letters.get('PR') ?? ''] ?? values.PR;
  return score(values, changed);
}

function score({ AV, AC, PR, UI, C, I, A }: Record<Metric, number>, changed: boolean): number {
  const base = 1 - (1 - C) * (1 - I) * (1 - A);
  const impact = changed ? 7.52 * (base - 0.029) - 3.25 * (base - 0.02) ** 15 : 6.42 * base;
  if (impact <= 0) return 0;
  const exploitability = 8.22 * AV * AC * PR * UI;
  return roundUp(Math.min(changed ? 1.08 * (impact + exploitability) : impact + exploitability, 10));
}

/** Up to the next tenth, in whole numbers, so that 4.02 that floating point makes 4.0200001 stays what it is (appendix A). */
function roundUp(value: number): number {
  const scaled = Math.round(value * 100_000);
  return scaled % 10_000 === 0 ? scaled / 100_000 : (Math.floor(scaled / 10_000) + 1) / 10;
}

/**
 * Severity of a score: none, low, medium, high and critical of CVSS's scale are info, warning, minor, major and
 * critical. Without a score: major, so that somebody looks, and nothing is closed on the word of a record without one.
 */
export function severityOf(score: number | undefined): Severity {
  if (score === undefined) return 'major';
  if (score >= 9) return 'critical';
  if (score >= 7) return 'major';
  if (score >= 4) return 'minor';
  return score > 0 ? 'warning' : 'info';
}
