// What was measured, for people. For programs it is one JSON document of the same rows.
import type { ProxyName } from './proxies.ts';
import type { RuleSetName } from './rules.ts';

/** A proxy that wasn't measured (it has no such thing, or failed) is null. */
export type Row = {
  readonly case: string;
  readonly rules: RuleSetName;
  readonly unit: string;
  /** Portcullis to HAProxy. */
  readonly ratio: number | null;
} & { readonly [Name in ProxyName]?: number | null };

export function printTable(machine: object, rows: readonly Row[], notes: readonly string[]): void {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  say(
    Object.entries(machine)
      .map(([name, value]) => `${name} ${value}`)
      .join(', '),
  );
  const columns = ['case', 'rules', 'unit', 'portcullis', 'haproxy', 'nginx', 'bun', 'ratio'] as const;
  const widths = [24, 14, 14, 12, 10, 10, 10, 8];
  const line = (cells: readonly string[]) =>
    say(cells.map((cell, index) => cell.padEnd(widths[index] ?? 10)).join(''));
  line(columns);
  for (const row of rows) line(columns.map((column) => (row[column] ?? '-').toString()));
  for (const note of notes) say(`note: ${note}`);
}

/** Three digits that matter. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
