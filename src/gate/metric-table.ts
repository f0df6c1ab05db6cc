// Every number that the gate shows, under the conventions of Prometheus. docs/reference/metrics.md is made from it.

type Metric = {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly label?: string;
  /** Of several workers; the sum when left out. */
  readonly across?: 'max';
};

export const metricPrefix = 'portcullis_gate_';

/** Upper bounds, in seconds, as kube-apiserver's own. */
export const durationBuckets: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

export const metricTable = {
  connections_open: { type: 'gauge', help: 'Connections of callers, watches and tunnels included.' },
  connections_unauthenticated: {
    type: 'gauge',
    help: 'Of those, without a client certificate and without a request that carried a credential so far.',
  },
  connections_total: { type: 'counter', help: 'Connections of callers that were let in.' },
  workers: { type: 'gauge', help: 'Worker processes that run.' },
  worker_deaths_total: { type: 'counter', help: 'Worker processes that ended unasked; each was replaced.' },
  upstream_connections_open: { type: 'gauge', help: 'Connections to API servers.' },
  upstream_connections_total: { type: 'counter', help: 'Connections to API servers that were begun.' },
  upstream_failures_total: {
    type: 'counter',
    label: 'code',
    help: 'Connections to API servers that failed, by the code of Node or OpenSSL.',
  },
  handshake_failures_total: { type: 'counter', help: 'TLS handshakes of callers that failed.' },
  requests_total: { type: 'counter', help: 'Requests that went on to the server.' },
  requests_open: { type: 'gauge', help: 'Requests without an answer, watches and tunnels left out.' },
  requests_shed_total: { type: 'counter', help: 'Requests answered 429 because the gate was overloaded.' },
  request_duration_seconds: {
    type: 'histogram',
    help: "From a request's head to the end of its answer; watches, followed logs and tunnels left out.",
  },
  responses_total: {
    type: 'counter',
    label: 'class',
    help: "Final answers by class of status, the gate's own included.",
  },
  transferred_bytes_total: {
    type: 'counter',
    label: 'direction',
    help: 'Bytes of requests (up) and answers (down) that have ended, tunnels included, TLS left out.',
  },
  refusals_total: {
    type: 'counter',
    label: 'code',
    help: 'Connections refused before any request was read (page on limits), and client certificates refused.',
  },
  findings_total: {
    type: 'counter',
    label: 'rule',
    help: 'What rules found, by SHIELD/RULE; refusals of single messages are `portcullis/CODE` (page on refusals).',
  },
  findings_repeated_total: {
    type: 'counter',
    help: 'Of those, what a rule with a rate found again of a caller in the window that it recorded it in: acted on, no incident.',
  },
  rate_callers: {
    type: 'gauge',
    help: 'Callers that rules with a rate count each for itself, over all rules.',
  },
  rate_hits_shared_total: {
    type: 'counter',
    help: 'Hits of rules with a rate that were counted together with those of other callers, because there were too many.',
  },
  shadow_findings_total: {
    type: 'counter',
    label: 'rule',
    help: 'What rules of shields in shadow found, by SHIELD/RULE: nothing was done.',
  },
  exemptions_used_total: {
    type: 'counter',
    label: 'exemption',
    help: 'What rules found and an exemption let pass, by its id.',
  },
  kubectl_connections_total: {
    type: 'counter',
    label: 'version',
    help: 'Connections with a credential whose first request came from kubectl, by the version that its User-Agent says; after 64 of them `other`.',
  },
  timeouts_total: {
    type: 'counter',
    label: 'what',
    help: 'Connections ended by a time limit (page on limits).',
  },
  engine_exceptions_total: {
    type: 'counter',
    help: 'Defects of the inspecting engine; each cost one connection and nothing else.',
  },
  incidents_waiting: { type: 'gauge', help: 'Incidents that the controller has not got yet.' },
  incidents_lost_total: {
    type: 'counter',
    help: 'Incidents given up: too many waited, or the controller refused them.',
  },
  access_records_lost_total: {
    type: 'counter',
    help: 'Access records given up because they could not be written fast enough.',
  },
  event_loop_lag_seconds: {
    type: 'gauge',
    across: 'max',
    help: 'How far the event loop is behind, over half a second.',
  },
  generation: { type: 'gauge', across: 'max', help: 'Generation of the plan in force; 0 before the first.' },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof metricTable;

/** The row of a name as it is counted, with or without labels and the endings of a histogram. */
export function metricOf(sample: string): (Metric & { readonly name: MetricName }) | undefined {
  const bare = sample.replace(/\{.*/s, '');
  for (const name of [bare, bare.replace(/_(?:bucket|sum|count)$/, '')]) {
    if (name in metricTable) {
      const metric: Metric = metricTable[name as MetricName];
      if (name === bare || metric.type === 'histogram') return { ...metric, name: name as MetricName };
    }
  }
  return undefined;
}
