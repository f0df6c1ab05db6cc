// Tags: `type=value` on anything in the inventory.
import { z } from 'zod';

/** Tag types that Portcullis sets from what it observes. They can't be declared by hand. */
export const observedTagTypes = ['k8s-version', 'distribution', 'cve', 'patch', 'cvss'] as const;

/** The type of a tag. */
export const TagType = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'a tag type: lower-case letters, digits and "-"');

/** `type=value`. The type is lower case; the value may hold what Kubernetes label values and versions hold. */
export const Tag = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,62}=[A-Za-z0-9][A-Za-z0-9._+:/-]{0,252}$/,
    'a tag is type=value, e.g. tier=control-plane',
  );
export type Tag = z.infer<typeof Tag>;

/** A tag that people declare: any but the observed types. */
export const DeclaredTag = Tag.refine(
  (tag) => !(observedTagTypes as readonly string[]).includes(tagType(tag)),
  `observed tags (${observedTagTypes.join(', ')}) are set by Portcullis and can't be declared`,
);

export function tagType(tag: Tag): string {
  return tag.slice(0, tag.indexOf('='));
}

export function tagValue(tag: Tag): string {
  return tag.slice(tag.indexOf('=') + 1);
}
