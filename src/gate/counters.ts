// The gate's counters: plain numbers by name, for health reports and Prometheus.

/**
 * A counter's name is its Prometheus name less the prefix `portcullis_gate_`, with at most one label in braces:
 * `responses_total{class="2xx"}`.
 */
export type Counters = {
  add(name: string, by?: number): void;
  /** Numbers that are read when asked for: open connections, waiting incidents. */
  gauge(name: string, read: () => number): void;
  snapshot(): Record<string, number>;
};

export function createCounters(): Counters {
  const values = new Map<string, number>();
  const gauges = new Map<string, () => number>();
  return {
    add(name, by = 1) {
      values.set(name, (values.get(name) ?? 0) + by);
    },
    gauge(name, read) {
      gauges.set(name, read);
    },
    snapshot() {
      const all: Record<string, number> = Object.fromEntries(values);
      for (const [name, read] of gauges) all[name] = read();
      return all;
    },
  };
}

/** A counter's name with one label, its value escaped as the Prometheus text format asks. */
export function labelled(name: string, label: string, value: string): string {
  const escaped = value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
  return `${name}{${label}="${escaped}"}`;
}

/** Prometheus text format, version 0.0.4. */
export function prometheusText(values: Readonly<Record<string, number>>): string {
  const lines: string[] = [];
  let family = '';
  for (const name of Object.keys(values).sort()) {
    const base = name.replace(/\{.*/s, '');
    if (base !== family) {
      family = base;
      lines.push(`# TYPE portcullis_gate_${base} ${base.endsWith('_total') ? 'counter' : 'gauge'}`);
    }
    lines.push(`portcullis_gate_${name} ${values[name]}`);
  }
  return `${lines.join('\n')}\n`;
}
