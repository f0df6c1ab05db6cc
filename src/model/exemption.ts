// Exemptions: whom a shield's rules do not stop, for a while.
import { z } from 'zod';
import { CidrText, Name, Timestamp } from './common.ts';

const RuleId = z.string().regex(/^[a-z][a-z0-9-]{1,62}$/);
/** As certificates and tokens spell names: printable, one line. */
const Principal = z.string().regex(/^[^\x00-\x1f\x7f]{1,253}$/);

/** As in RBAC: `pods` is not `pods/exec`. What is left out may be anything. */
export const ExemptResource = z
  .strictObject({
    /** API group; empty for the core group. */
    group: z.string().max(253).optional(),
    resource: z
      .string()
      .regex(/^[a-z0-9-]{1,63}(\/[a-z0-9-]{1,63})?$/, 'e.g. pods or pods/exec')
      .optional(),
    namespace: z.string().min(1).max(253).optional(),
    name: z.string().min(1).max(253).optional(),
  })
  .refine((value) => Object.values(value).some((part) => part !== undefined), 'name some part of it');
export type ExemptResource = z.infer<typeof ExemptResource>;

/** Who is meant: any of them. Left out: everybody. */
const identities = {
  /** Users and groups of client certificates, which the gate verifies. */
  users: z.array(Principal).min(1).max(100).optional(),
  groups: z.array(Principal).min(1).max(100).optional(),
  /** As the bearer token says, which the server verifies. */
  serviceAccounts: z
    .array(z.string().regex(/^system:serviceaccount:[a-z0-9.-]{1,253}:[a-z0-9.-]{1,253}$/))
    .min(1)
    .max(100)
    .optional(),
};

/** Whoever fits every part that is given passes the rules, and each use is counted. */
export const Exemption = z
  .strictObject({
    id: Name,
    shield: z.string().min(1).max(64),
    /** Left out: all of its rules, but those of phase `upgrade`. */
    rules: z.array(RuleId).min(1).max(100).optional(),
    /** Tag expression over servers; every server when left out. */
    servers: z.string().max(2048).optional(),
    ...identities,
    /** Where the caller is: a tag expression, an address or a prefix. */
    from: z.string().min(1).max(2048).optional(),
    /** What is asked for: any of them. */
    resources: z.array(ExemptResource).min(1).max(100).optional(),
    owner: z.string().min(1).max(256),
    reason: z.string().min(1).max(2048),
    expires: Timestamp,
  })
  .refine(
    ({ users, groups, serviceAccounts, from, resources }) =>
      [users, groups, serviceAccounts, from, resources].some((part) => part !== undefined),
    'say whom or what it exempts: users, groups, serviceAccounts, from or resources',
  );
export type Exemption = z.infer<typeof Exemption>;

/** As a gate applies it. */
export const GateExemption = z.strictObject({
  id: Name,
  rules: z.array(RuleId).optional(),
  ...identities,
  /** Prefixes that the tag expression came to. */
  from: z.array(CidrText).optional(),
  resources: z.array(ExemptResource).optional(),
  /** A gate whose controller is gone keeps to it too. */
  expires: Timestamp,
});
export type GateExemption = z.infer<typeof GateExemption>;
