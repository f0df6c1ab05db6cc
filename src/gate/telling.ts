// What happens to connections, told: counters, log lines, incidents.
import { randomBytes } from 'node:crypto';
import type { Finding } from '../inspect/connection-types.ts';
import { labelled, type Sample } from './counters.ts';
import { type Scene, toIncident } from './incidents.ts';
import type { ListenerSurroundings } from './listener-view.ts';
import type { RelayEvents } from './relay.ts';

export type Telling = Pick<
  RelayEvents,
  'request' | 'response' | 'repeated' | 'upstreamFailed' | 'timedOut' | 'crashed'
> & {
  raise(finding: Finding, scene: Scene): void;
};

/** @param server whose listener it is */
export function createTelling(
  { counters, log, now, noted, incident }: ListenerSurroundings,
  server: () => string,
): Telling {
  return {
    raise(finding: Finding, scene: Scene): void {
      if (finding.exemption !== undefined || finding.shadow) {
        const { exemption } = finding;
        counters.add(
          exemption === undefined
            ? labelled('shadow_findings_total', 'rule', `${finding.shield}/${finding.rule}`)
            : labelled('exemptions_used_total', 'exemption', exemption),
        );
        noted.take(toIncident(finding, scene, now(), randomBytes(8)));
        return;
      }
      counters.add(labelled('findings_total', 'rule', `${finding.shield}/${finding.rule}`));
      // An `allow` says that what was seen is in order: it is counted, and no incident.
      if (finding.action === 'allow') return;
      incident(toIncident(finding, scene, now(), randomBytes(8)));
    },
    repeated(shield, rule) {
      counters.add(labelled('findings_total', 'rule', `${shield}/${rule}`));
      counters.add('findings_repeated_total');
    },
    request() {
      counters.add('requests_total');
    },
    response(status: number) {
      counters.add(responseClass[Math.floor(status / 100)] ?? 'responses_total{class="other"}');
    },
    upstreamFailed(code: string, reason: string) {
      counters.add(labelled('upstream_failures_total', 'code', code));
      log('warning', 'upstream-failed', { server: server(), code, reason });
    },
    timedOut(what: string) {
      counters.add(labelled('timeouts_total', 'what', what));
    },
    crashed(error: unknown) {
      counters.add('engine_exceptions_total');
      // Where, not what: a message could hold bytes of the request.
      log('error', 'engine-exception', {
        error: error instanceof Error ? error.name : typeof error,
        stack: stackOf(error),
      });
    },
  };
}

const responseClass: readonly (Sample | undefined)[] = [
  undefined,
  ...['1xx', '2xx', '3xx', '4xx', '5xx'].map((name) => labelled('responses_total', 'class', name)),
];

function stackOf(error: unknown): string[] {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  return stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 8)
    .map((line) => line.trim().replace(/\(?file:\/\/.*\/src\//, 'src/'));
}
