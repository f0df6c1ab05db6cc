// The gate's counters: plain numbers by name, for health reports and Prometheus.
import { durationBuckets, type MetricName, metricOf, metricPrefix } from './metric-table.ts';

/**
 * A name of metric-table.ts, with at most one label in braces: `responses_total{class="2xx"}`. Without the prefix
 * `portcullis_gate_`.
 */
export type Sample = MetricName | `${MetricName}{${string}}`;

export type Counters = {
  add(name: Sample, by?: number): void;
  /** Counts a value of a histogram. */
  observe(name: MetricName, value: number): void;
  /** Numbers that are read when asked for: open connections, waiting incidents. */
  gauge(name: Sample, read: () => number): void;
  snapshot(): Record<string, number>;
};

type Histogram = { readonly counts: number[]; sum: number };

export function createCounters(): Counters {
  const values = new Map<string, number>();
  const gauges = new Map<string, () => number>();
  const histograms = new Map<string, Histogram>();
  return {
    add(name, by = 1) {
      values.set(name, (values.get(name) ?? 0) + by);
    },
    observe(name, value) {
      let histogram = histograms.get(name);
      if (!histogram) {
        histogram = { counts: new Array<number>(durationBuckets.length + 1).fill(0), sum: 0 };
        histograms.set(name, histogram);
      }
      let bucket = 0;
      while (bucket < durationBuckets.length && value > (durationBuckets[bucket] as number)) bucket += 1;
      histogram.counts[bucket] = (histogram.counts[bucket] as number) + 1;
      histogram.sum += value;
    },
    gauge(name, read) {
      gauges.set(name, read);
    },
    snapshot() {
      const all: Record<string, number> = Object.fromEntries(values);
      for (const [name, { counts, sum }] of histograms) {
        let below = 0;
        for (const [index, count] of counts.entries()) {
          below += count;
          all[`${name}_bucket{le="${durationBuckets[index] ?? '+Inf'}"}`] = below;
        }
        all[`${name}_sum`] = sum;
        all[`${name}_count`] = below;
      }
      for (const [name, read] of gauges) all[name] = read();
      return all;
    },
  };
}

/** A counter's name with one label, its value escaped as the Prometheus text format asks. */
export function labelled<N extends MetricName>(name: N, label: string, value: string): `${N}{${string}}` {
  const escaped = value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
  return `${name}{${label}="${escaped}"}`;
}

/** Prometheus text format, version 0.0.4: a family's samples stand together, a histogram's buckets in their order. */
export function prometheusText(values: Readonly<Record<string, number>>): string {
  const families = new Map<string, string[]>();
  for (const sample of Object.keys(values)) {
    const name = metricOf(sample)?.name ?? sample.replace(/\{.*/s, '');
    const family = families.get(name);
    if (family) family.push(sample);
    else families.set(name, [sample]);
  }
  const lines: string[] = [];
  for (const [name, samples] of [...families].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const metric = metricOf(name);
    if (metric) lines.push(`# HELP ${metricPrefix}${name} ${metric.help}`);
    lines.push(`# TYPE ${metricPrefix}${name} ${metric?.type ?? 'untyped'}`);
    const ordered = samples.sort((a, b) => boundOf(a) - boundOf(b) || (a < b ? -1 : 1));
    for (const sample of ordered) lines.push(`${metricPrefix}${sample} ${values[sample]}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Upper bound of a bucket; a histogram's sum and count stand behind its buckets. */
function boundOf(sample: string): number {
  const bound = /\{le="([^"]*)"\}$/.exec(sample)?.[1];
  if (bound === undefined) return /_(?:sum|count)$/.test(sample) ? Number.MAX_VALUE : 0;
  return bound === '+Inf' ? Number.MAX_SAFE_INTEGER : Number(bound);
}
