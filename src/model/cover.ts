// What a shield comes to where it stands.
import { z } from 'zod';

/**
 * What a shield comes to for a flaw: `acts`; `waits`, for it is to be enforced and nobody put it in force; `shadow`, it only looks
 * on; `alert`, it can only tell; `none`, no shield is for the flaw, or it is off.
 */
export const Cover = z.enum(['acts', 'waits', 'shadow', 'alert', 'none']);
export type Cover = z.infer<typeof Cover>;
