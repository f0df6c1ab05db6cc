// Tags: `type=value` on anything in the inventory. A type exists as soon as it is used; types are lower case.
import { z } from 'zod';

/** Tag types that Portcullis sets from what it observes. They can't be declared by hand. */
export const observedTagTypes = ['k8s-version', 'distribution', 'cve', 'patch', 'cvss'] as const;

/** Tag types that the inventory's names give, so that expressions can name things. They can't be declared by hand. */
export const implicitTagTypes = ['cluster', 'host', 'server', 'group'] as const;

/** Types of which a thing may have several values. Of every other type the nearest value wins. */
export const multiValuedTagTypes = ['label', 'cve', 'group'] as const;

/** The type of a tag. */
export const TagType = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'a tag type: lower-case letters, digits and "-"');

const form = /^[a-z][a-z0-9-]{0,62}=[A-Za-z0-9][A-Za-z0-9._+:/-]{0,252}$/;
const meaning = 'a tag is type=value, e.g. tier=control-plane';

/** `type=value`. The type is lower case; the value may hold what Kubernetes label values and versions hold. */
export const Tag = z.string().regex(form, meaning);
export type Tag = z.infer<typeof Tag>;

/** A tag that people or imports set: any but the observed and the implicit types. Its type is turned to lower case. */
export const DeclaredTag = z
  .string()
  .overwrite((text) => text.replace(/^[^=]*/, (type) => type.toLowerCase()))
  .regex(form, meaning)
  .refine((tag) => !isOneOf(observedTagTypes, tag), {
    message: `observed tags (${observedTagTypes.join(', ')}) are set by Portcullis and can't be declared`,
  })
  .refine((tag) => !isOneOf(implicitTagTypes, tag), {
    message: `${implicitTagTypes.join(', ')} are given by the names in the inventory and can't be declared`,
  });

function isOneOf(types: readonly string[], tag: string): boolean {
  return types.includes(tagType(tag));
}

export function tagType(tag: Tag): string {
  return tag.slice(0, tag.indexOf('='));
}

export function tagValue(tag: Tag): string {
  return tag.slice(tag.indexOf('=') + 1);
}
