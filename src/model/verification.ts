// Verification: what was asked of a cluster from outside, what came back, and the signed report of it.
import { z } from 'zod';
import { Endpoint, Name, Stage, Timestamp } from './common.ts';
import { ShieldMode } from './mode.ts';
import { Verdict } from './policy.ts';

/**
 * A request of a shield's own attacks that can do no harm: it carries no credentials and, where it would write, asks for
 * a dry run; and it is known to be refused where the shield acts, before any of it reaches a server.
 */
export const VerifyProbe = z.strictObject({
  rule: z.string(),
  /** The attack among the shield's tests that it was made of. */
  test: z.string(),
  /** The request as HTTP/1.1 bytes, base64. */
  request: z.base64(),
  /** Status, and the sentence that the answer's message begins with. */
  status: z.int(),
  message: z.string(),
});
export type VerifyProbe = z.infer<typeof VerifyProbe>;

/** GET /v1/verify/plan?cluster=NAME (admin): what there is to check. */
export const VerifyPlan = z.strictObject({
  cluster: Name,
  servers: z.array(
    z.strictObject({
      name: Name,
      version: z.string().optional(),
      /** Every way that callers have to it. */
      ways: z.array(Endpoint),
      shields: z.array(
        z.strictObject({
          shield: z.string(),
          stage: Stage,
          /** Left out: the server's gate does not have it. */
          mode: ShieldMode.exclude(['off']).optional(),
          probes: z.array(VerifyProbe),
          /** Is the upgrade machine's promise what this shield lives by? */
          upgrade: z.boolean(),
        }),
      ),
    }),
  ),
  /** Services beside the API servers by which it could be gone around. `guarded`: the policy protects them. */
  neighbours: z.array(z.strictObject({ service: z.string(), endpoint: Endpoint, guarded: z.boolean() })),
});
export type VerifyPlan = z.infer<typeof VerifyPlan>;

/**
 * `pass` and `fail` were seen; `open` is nothing that Portcullis promises, but worth knowing; `skipped` says what would be
 * needed to see it.
 */
export const CheckResult = z.enum(['pass', 'fail', 'open', 'skipped']);
export type CheckResult = z.infer<typeof CheckResult>;

export const Check = z.strictObject({
  /** The same for the same check in every report: `cp-1/way/10.0.0.1:6443`. */
  id: z.string().max(512),
  result: CheckResult,
  detail: z.string().max(1024),
});
export type Check = z.infer<typeof Check>;

export const Verification = z.strictObject({
  cluster: Name,
  at: Timestamp,
  by: z.string().max(256),
  /** Where it looked from, and what the policy says of callers from there, by server. */
  from: z.array(
    z.strictObject({ server: Name, source: z.string(), verdict: Verdict, rule: z.string().max(512) }),
  ),
  versions: z.record(z.string(), z.string()),
  checks: z.array(Check).max(5000),
});
export type Verification = z.infer<typeof Verification>;

/**
 * POST /v1/verifications (admin), GET /v1/verifications?id=ID. The signature is ECDSA over SHA-256 of the report's
 * canonical JSON, DER in base64, by the key of the certificate (PEM), which the controller issued to `by`.
 */
export const SignedVerification = z.strictObject({
  report: Verification,
  signature: z.base64(),
  certificate: z.string().max(16_384),
});
export type SignedVerification = z.infer<typeof SignedVerification>;

/** GET /v1/verifications?cluster=NAME: newest first. */
export const VerificationList = z.strictObject({
  verifications: z.array(
    z.strictObject({
      id: z.string(),
      cluster: Name,
      at: Timestamp,
      by: z.string(),
      results: z.record(CheckResult, z.int()),
    }),
  ),
});
export type VerificationList = z.infer<typeof VerificationList>;

/** What POST /v1/verifications answers. */
export const VerificationKept = z.strictObject({ id: z.string() });
