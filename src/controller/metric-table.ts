// Every number that the controller shows, under the conventions of Prometheus. docs/reference/metrics.md is made from it.

type Metric = {
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly labels?: readonly string[];
};

export const controllerMetricPrefix = 'portcullis_controller_';

export const controllerMetricTable = {
  exposures: {
    type: 'gauge',
    labels: ['cover', 'severity'],
    help: 'Flaws of servers and other parts, by what stands before each (acts, waits, shadow, alert, none) and how grave it is.',
  },
  exposures_open: {
    type: 'gauge',
    labels: ['severity'],
    help: 'Of those, what an upgrade or a word of yours could end and nothing acts against: what `portcullis exposure` answers 3 for.',
  },
  versions_unread: {
    type: 'gauge',
    help: 'Servers, and kubelets beside those that are known, whose version was never read.',
  },
  probes_failing: { type: 'gauge', help: 'API servers whose last probe failed.' },
  workers_not_ok: {
    type: 'gauge',
    labels: ['kind'],
    help: 'Agents and gates that are silent, not well, or refused their plan.',
  },
  workers_behind: { type: 'gauge', help: 'Agents and gates without the plan that is wanted.' },
  identity_expiry_timestamp_seconds: {
    type: 'gauge',
    labels: ['kind', 'name'],
    help: 'When the identity of each agent and gate ends, in seconds since 1970.',
  },
  authority_expiry_timestamp_seconds: {
    type: 'gauge',
    help: "When the controller's own certificate authority ends, in seconds since 1970.",
  },
  identity_renewals_total: {
    type: 'counter',
    labels: ['kind'],
    help: 'Identities that agents and gates renewed since they started.',
  },
  identity_renewals_failed_total: {
    type: 'counter',
    labels: ['kind'],
    help: 'Renewals that failed or were refused; their logs say why, and they try again.',
  },
  uncovered_ways: { type: 'gauge', help: 'Ways to API servers that no agent judges.' },
  uninspected_servers: { type: 'gauge', help: 'API servers whose TLS no gate can end.' },
  gate_bypasses_total: {
    type: 'counter',
    help: 'Times that an agent let callers past a gate that was down, where the inventory says so.',
  },
  plans_repaired_total: {
    type: 'counter',
    help: 'Times that an agent found its kernel table changed by somebody else, and put it right.',
  },
  bundles_expired: { type: 'gauge', help: 'Bundles of shields in force whose time is over.' },
  bundles_void: { type: 'gauge', help: 'Bundles of shields that this program can not use.' },
  bundle_fetch_failing: { type: 'gauge', help: '1 while the last look for a new bundle failed.' },
  verification_checks_failed: {
    type: 'gauge',
    labels: ['cluster'],
    help: 'Checks that failed in the last verification of a cluster.',
  },
  verification_timestamp_seconds: {
    type: 'gauge',
    labels: ['cluster'],
    help: 'When a cluster was last verified, in seconds since 1970.',
  },
  exemptions: { type: 'gauge', help: 'Exemptions in force.' },
  policy_on_trial: { type: 'gauge', help: '1 while a policy waits to be confirmed.' },
  calls_denied_total: {
    type: 'counter',
    labels: ['role'],
    help: 'Calls of the API that were refused since its start because the caller has another role; the log has them (`denied`), but for floods.',
  },
  incidents_total: { type: 'counter', help: 'Incidents in the log.' },
  log_entries_total: { type: 'counter', help: 'Entries of the log.' },
} as const satisfies Record<string, Metric>;

export type ControllerMetric = keyof typeof controllerMetricTable;
