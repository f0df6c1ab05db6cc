// The controller's numbers for Prometheus, read from what it tells people.
import type { ExposureAnswer, Role, Status } from '../model/api.ts';
import { Severity } from '../model/common.ts';
import { isOpen } from '../policy/open-exposure.ts';
import { type ControllerMetric, controllerMetricPrefix, controllerMetricTable } from './metric-table.ts';

type Sample = readonly [labels: readonly string[], value: number];

export function controllerMetrics(
  status: Status,
  { exposures, unread }: ExposureAnswer,
  exemptions: number,
  denied: ReadonlyMap<Role, number>,
): string {
  const { servers, workers, bundles, bundleSource, verifications, policy, incidents, log, authorityEnds } =
    status;
  const count = (holds: readonly unknown[]): Sample[] => [[[], holds.length]];
  const total = (of: 'agent' | 'gate', counter: string) =>
    workers.reduce((sum, { kind, counters }) => sum + (kind === of ? (counters[counter] ?? 0) : 0), 0);
  const sum = (counter: string): Sample[] => [[[], total('agent', counter)]];
  const byKind = (counter: string): Sample[] =>
    (['agent', 'gate'] as const).map((kind) => [[kind], total(kind, counter)]);
  const samples: Readonly<Record<ControllerMetric, readonly Sample[]>> = {
    exposures: counted(exposures.map(({ cover, severity }) => [cover, severity])),
    exposures_open: Severity.options.map((severity) => [
      [severity],
      exposures.filter((row) => row.severity === severity && isOpen(row)).length,
    ]),
    versions_unread: count(unread),
    probes_failing: count(servers.filter(({ probeError }) => probeError !== undefined)),
    workers_not_ok: (['agent', 'gate'] as const).map((kind) => [
      [kind],
      workers.filter((worker) => worker.kind === kind && !worker.ok).length,
    ]),
    workers_behind: count(workers.filter(({ wanted, applied }) => wanted !== applied)),
    identity_expiry_timestamp_seconds: workers.flatMap(({ kind, name, identityEnds }): Sample[] =>
      identityEnds === undefined ? [] : [[[kind, name], Date.parse(identityEnds) / 1000]],
    ),
    authority_expiry_timestamp_seconds:
      authorityEnds === undefined ? [] : [[[], Date.parse(authorityEnds) / 1000]],
    identity_renewals_total: byKind('identity_renewals'),
    identity_renewals_failed_total: byKind('identity_renewals_failed'),
    uncovered_ways: count(servers.flatMap(({ uncovered }) => uncovered)),
    uninspected_servers: count(servers.filter(({ inspectionGap }) => inspectionGap !== undefined)),
    gate_bypasses_total: sum('gate_bypasses'),
    plans_repaired_total: sum('drifts'),
    bundles_expired: count(bundles.filter(({ expired, state }) => expired && state !== 'void')),
    bundles_void: count(bundles.filter(({ state }) => state === 'void')),
    bundle_fetch_failing: [[[], bundleSource?.error === undefined ? 0 : 1]],
    verification_checks_failed: verifications.map(({ cluster, failed }) => [[cluster], failed]),
    verification_timestamp_seconds: verifications.map(({ cluster, at }) => [
      [cluster],
      Date.parse(at) / 1000,
    ]),
    exemptions: [[[], exemptions]],
    policy_on_trial: [[[], policy.confirmBy === undefined ? 0 : 1]],
    calls_denied_total: [...denied].map(([role, count]) => [[role], count]),
    incidents_total: [[[], incidents]],
    log_entries_total: [[[], log.entries]],
  };
  const lines = (Object.keys(controllerMetricTable) as ControllerMetric[]).flatMap((name) => {
    const metric: { type: string; help: string; labels?: readonly string[] } = controllerMetricTable[name];
    const full = `${controllerMetricPrefix}${name}`;
    return [
      `# HELP ${full} ${metric.help}`,
      `# TYPE ${full} ${metric.type}`,
      ...samples[name].map(([values, value]) => `${full}${labelText(metric.labels ?? [], values)} ${value}`),
    ];
  });
  return `${lines.join('\n')}\n`;
}

function counted(keys: readonly (readonly string[])[]): Sample[] {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key.join(' '), (counts.get(key.join(' ')) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key.split(' '), value]);
}

/** Values are of enumerations or names of the inventory, which hold nothing to escape. */
function labelText(names: readonly string[], values: readonly string[]): string {
  return names.length === 0 ? '' : `{${names.map((name, at) => `${name}="${values[at]}"`).join(',')}}`;
}
