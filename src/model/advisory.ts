// Advisories: what is known of one flaw.
import { z } from 'zod';
import { Severity, Timestamp } from './common.ts';

/** `CVE-2018-1002105`, or another source's id (`GHSA-…`). */
export const AdvisoryId = z.string().regex(/^[A-Z][A-Z0-9]*-[A-Za-z0-9-]{3,40}$/);
export type AdvisoryId = z.infer<typeof AdvisoryId>;

export const Component = z.enum([
  'kube-apiserver',
  'kubelet',
  'kube-controller-manager',
  'kube-proxy',
  'kube-scheduler',
  'kubectl',
  'etcd',
  'ingress-nginx',
  'containerd',
  'cri-o',
  'runc',
  'csi-driver-nfs',
  'csi-driver-smb',
  /** Some part of Kubernetes; the record doesn't say which. */
  'kubernetes',
  'other',
]);
export type Component = z.infer<typeof Component>;

/**
 * Affected versions, `introduced` ≤ v < `fixed`. Versions are `major.minor.patch`. No `fixed` and no `lastAffected`:
 * every version from `introduced` on, because no fix is known.
 */
export const VersionRange = z.strictObject({
  introduced: z.string(),
  fixed: z.string().optional(),
  lastAffected: z.string().optional(),
});
export type VersionRange = z.infer<typeof VersionRange>;

export const Advisory = z.strictObject({
  id: AdvisoryId,
  summary: z.string(),
  severity: Severity,
  /** CVSS base score, 0 to 10, when the source gives a vector or a score. */
  cvss: z.number().min(0).max(10).optional(),
  /** Empty where the source names no versions (the official feed, mostly). */
  affected: z.array(
    z.strictObject({ component: Component, package: z.string(), ranges: z.array(VersionRange) }),
  ),
  references: z.array(z.string()),
  /** When the flaw was made public, where the source says. */
  published: Timestamp.optional(),
  /** Where it was read: a file or URL, and the record's format. */
  source: z.strictObject({ format: z.enum(['osv', 'cve-v5', 'feed', 'stackrox']), place: z.string() }),
  /** Corrections that our overlay made to the record, one sentence each. */
  corrections: z.array(z.string()).default([]),
});
export type Advisory = z.infer<typeof Advisory>;

/** What reading a record changed in what is known; `changes` are sentences for people, empty unless `changed`. */
export const AdvisoryChange = z.strictObject({
  outcome: z.enum(['added', 'changed', 'unchanged']),
  changes: z.array(z.string()),
});
export type AdvisoryChange = z.infer<typeof AdvisoryChange>;

/** Whether one component at one version has one flaw, with the reason as a sentence. */
export const Exposure = z.strictObject({
  advisory: AdvisoryId,
  status: z.enum(['vulnerable', 'patched', 'vendor-unknown', 'not-applicable']),
  reason: z.string(),
});
export type Exposure = z.infer<typeof Exposure>;
