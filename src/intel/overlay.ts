// Our corrections to published records: what is known to be wrong in them, one row each, with the reason. A row that no
// longer finds what it corrects, because the source was mended, changes nothing.
import { compareVersions, parseVersion } from '../base/version.ts';
import type { Advisory, Component, VersionRange } from '../model/advisory.ts';
import { type RangeEvent, rangesFromEvents } from './ranges.ts';

type Correction = {
  readonly advisory: string;
  readonly change: /** A bound that was written wrong. */
    | { readonly kind: 'fixed'; readonly from: string; readonly to: string }
    /** The upper bound given as affected is the first version with the fix. */
    | { readonly kind: 'last-affected-is-fixed'; readonly version: string }
    /** The flaw is as old as the component. */
    | { readonly kind: 'introduced'; readonly from: string; readonly to: string }
    /** No version has a fix, and none will. */
    | { readonly kind: 'never-fixed' }
    /** A title that is another flaw's, when it holds `from`. */
    | { readonly kind: 'summary'; readonly from: string; readonly to: string }
    /** A time of publication that can't be. */
    | { readonly kind: 'published'; readonly before: string; readonly to: string }
    /** The part of Kubernetes that the record leaves out. */
    | { readonly kind: 'component'; readonly component: Component };
  readonly reason: string;
};

const corrections: readonly Correction[] = [
  {
    advisory: 'CVE-2022-3172',
    change: { kind: 'fixed', from: '1.21.14', to: '1.22.14' },
    reason: 'the record calls 1.21.14 fixed, but it is affected, and 1.21 never got a fix',
  },
  {
    advisory: 'CVE-2021-25741',
    change: { kind: 'fixed', from: '1.22.1', to: '1.22.2' },
    reason: 'the fix for 1.22 came with 1.22.2, not 1.22.1',
  },
  {
    advisory: 'CVE-2021-25741',
    change: { kind: 'fixed', from: '1.19.16', to: '1.19.15' },
    reason: 'the fix for 1.19 came with 1.19.15, not 1.19.16',
  },
  {
    advisory: 'CVE-2018-1002102',
    change: { kind: 'fixed', from: '1.12.2', to: '1.14.0' },
    reason: 'the fix came with 1.14.0, not 1.12.2',
  },
  {
    advisory: 'CVE-2020-10749',
    change: { kind: 'fixed', from: '1.17.17', to: '1.17.7' },
    reason: 'the fix for 1.17 came with 1.17.7; 1.17.17 is a slip of the pen',
  },
  {
    advisory: 'CVE-2020-8551',
    change: { kind: 'fixed', from: '1.17.2', to: '1.17.3' },
    reason: 'the fix for 1.17 came with 1.17.3; 1.17.2 is affected',
  },
  {
    advisory: 'CVE-2019-11254',
    change: { kind: 'fixed', from: '1.16.7', to: '1.16.8' },
    reason: 'the fix for 1.16 came with 1.16.8, not 1.16.7',
  },
  {
    advisory: 'CVE-2025-5187',
    change: { kind: 'introduced', from: '1.31.0', to: '0' },
    reason: 'branches past their end are affected too, though the record leaves them out',
  },
  {
    advisory: 'CVE-2025-15566',
    change: { kind: 'last-affected-is-fixed', version: '1.12.5' },
    reason: 'the record lists 1.12.5, which has the fix, as affected',
  },
  {
    advisory: 'CVE-2025-15566',
    change: { kind: 'last-affected-is-fixed', version: '1.13.1' },
    reason: 'the record lists 1.13.1, which has the fix, as affected',
  },
  {
    advisory: 'CVE-2026-24512',
    change: { kind: 'fixed', from: '1.14.2', to: '1.14.3' },
    reason: 'the fix for 1.14 came with 1.14.3; the record copies the bound of another flaw',
  },
  {
    advisory: 'CVE-2026-24512',
    change: { kind: 'summary', from: 'auth-method', to: 'ingress-nginx: a path injects configuration' },
    reason: 'the title is that of CVE-2026-1580; this flaw is in the path of a rule',
  },
  {
    advisory: 'CVE-2024-3177',
    change: { kind: 'published', before: '2024-01-01T00:00:00Z', to: '2024-04-16T00:00:00Z' },
    reason: 'the record says that it was published in 2018; it was in April 2024',
  },
  ...['CVE-2020-8554', 'CVE-2020-8561', 'CVE-2020-8562', 'CVE-2021-25740', 'CVE-2025-1767'].map(
    (advisory): Correction => ({
      advisory,
      change: { kind: 'never-fixed' },
      reason: 'the project will not fix it: every version is affected',
    }),
  ),
  ...components(),
];

/** Records of the CVE Program say `Kubernetes` where the advisory's text names the part. */
function components(): readonly Correction[] {
  const rows: readonly (readonly [Component, readonly string[]])[] = [
    [
      'kube-apiserver',
      [
        ...['CVE-2018-1002105', 'CVE-2018-1002102', 'CVE-2019-11247', 'CVE-2019-11253', 'CVE-2019-11254'],
        ...['CVE-2019-1002100', 'CVE-2020-8552', 'CVE-2020-8554', 'CVE-2020-8559', 'CVE-2020-8561'],
        ...['CVE-2020-8562', 'CVE-2021-25735', 'CVE-2021-25737', 'CVE-2021-25740', 'CVE-2022-3162'],
        ...['CVE-2022-3172', 'CVE-2022-3294', 'CVE-2023-2727', 'CVE-2023-2728', 'CVE-2024-3177'],
        ...['CVE-2025-4563', 'CVE-2025-5187'],
      ],
    ],
    [
      'kubelet',
      [
        ...['CVE-2017-1002101', 'CVE-2019-11248', 'CVE-2020-8551', 'CVE-2021-25741', 'CVE-2023-2431'],
        ...['CVE-2023-3676', 'CVE-2023-3955', 'CVE-2023-5528', 'CVE-2024-10220', 'CVE-2024-9042'],
        ...['CVE-2025-0426', 'CVE-2025-1767'],
      ],
    ],
    ['kube-proxy', ['CVE-2020-8558']],
    ['kube-controller-manager', ['CVE-2020-8555', 'CVE-2025-13281']],
  ];
  return rows.flatMap(([component, advisories]) =>
    advisories.map((advisory) => ({
      advisory,
      change: { kind: 'component', component },
      reason: `the record says Kubernetes; the flaw is the ${component}'s`,
    })),
  );
}

/** The advisory with what we know to be wrong put right, and a sentence for each correction made. */
export function applyOverlay(advisory: Advisory): Advisory {
  let current = advisory;
  for (const correction of corrections) {
    if (correction.advisory !== advisory.id) continue;
    const next = correctedAdvisory(current, correction.change);
    if (JSON.stringify(next) === JSON.stringify(current)) continue;
    current = { ...next, corrections: [...current.corrections, correction.reason] };
  }
  return current;
}

function correctedAdvisory(advisory: Advisory, change: Correction['change']): Advisory {
  switch (change.kind) {
    case 'summary':
      return advisory.summary.includes(change.from) ? { ...advisory, summary: change.to } : advisory;
    case 'published':
      return advisory.published !== undefined && advisory.published < change.before
        ? { ...advisory, published: change.to }
        : advisory;
    default:
      return { ...advisory, affected: advisory.affected.map((entry) => correctedEntry(entry, change)) };
  }
}

type Entry = Advisory['affected'][number];
type EntryChange = Exclude<Correction['change'], { kind: 'summary' | 'published' }>;

function correctedEntry(entry: Entry, change: EntryChange): Entry {
  if (change.kind === 'component') {
    return entry.component === 'kubernetes' ? { ...entry, component: change.component } : entry;
  }
  return { ...entry, ranges: normalised(entry.ranges.map((range) => corrected(range, change))) };
}

type RangeChange = Exclude<EntryChange, { kind: 'component' }>;

function corrected(range: VersionRange, change: RangeChange): VersionRange {
  switch (change.kind) {
    case 'fixed':
      return same(range.fixed, change.from) ? { ...range, fixed: change.to } : range;
    case 'introduced':
      return same(range.introduced, change.from) ? { ...range, introduced: change.to } : range;
    case 'last-affected-is-fixed':
      return same(range.lastAffected, change.version)
        ? { introduced: range.introduced, fixed: change.version }
        : range;
    case 'never-fixed':
      return { introduced: '0' };
  }
}

function same(text: string | undefined, other: string): boolean {
  const [a, b] = [parseVersion(text ?? ''), parseVersion(other)];
  return a !== undefined && b !== undefined && compareVersions(a, b) === 0;
}

/** Ranges in order and merged again, for a moved bound may meet its neighbour. */
function normalised(ranges: readonly VersionRange[]): VersionRange[] {
  const events = ranges.flatMap(({ introduced, fixed, lastAffected }): RangeEvent[] =>
    [
      { kind: 'introduced' as const, text: introduced },
      { kind: 'fixed' as const, text: fixed },
      { kind: 'lastAffected' as const, text: lastAffected },
    ].flatMap(({ kind, text }) => {
      const version = parseVersion(text ?? '');
      return version ? [{ kind, version }] : [];
    }),
  );
  return rangesFromEvents(events);
}
