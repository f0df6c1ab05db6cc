// docs/operating.md: its alert rules ask only for metrics that there are, with the labels that they have.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { controllerMetricPrefix, controllerMetricTable } from '../../src/controller/metric-table.ts';
import { metricOf, metricPrefix } from '../../src/gate/metric-table.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/operating.md'), 'utf8');
type Rule = { readonly alert: string; readonly expr: string };
const [document = ''] = [...page.matchAll(/```yaml\n(groups:[\s\S]*?)```/g)].map(([, text]) => text);
const rules = (parse(document) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);

test('every alert asks for metrics that there are, by labels that they have', () => {
  assert.ok(rules.length > 20);
  for (const { alert, expr } of rules) {
    const asked = [...expr.matchAll(/(portcullis_[a-z_]+)(?:\{([a-z]+)[=!~])?/g)];
    assert.ok(asked.length > 0, alert);
    for (const [, name = '', label] of asked) {
      const labels = labelsOf(name);
      assert.ok(labels, `${alert}: ${name}`);
      if (label !== undefined) assert.ok(labels.includes(label), `${alert}: ${name} by ${label}`);
    }
    const [, by] = /\bby \(([a-z, ]+)\)/.exec(expr) ?? [];
    for (const label of by?.split(', ') ?? [])
      if (label !== 'le' && label !== 'instance')
        assert.ok(labelsOf(asked[0]?.[1] ?? '')?.includes(label), `${alert}: by ${label}`);
  }
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
});

function labelsOf(name: string): readonly string[] | undefined {
  if (name.startsWith(metricPrefix)) {
    const metric = metricOf(name.slice(metricPrefix.length));
    return metric && (metric.label === undefined ? [] : [metric.label]);
  }
  const table: Readonly<Record<string, { type: string; labels?: readonly string[] }>> = controllerMetricTable;
  const row = name.startsWith(controllerMetricPrefix) && table[name.slice(controllerMetricPrefix.length)];
  return row ? (row.labels ?? []) : undefined;
}
