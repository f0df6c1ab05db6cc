// A shield in a list of shields.
import type { CatalogueShield } from '../model/catalogue.ts';
import type { Shield } from '../model/shield.ts';
import { tierMode } from './shield-settings.ts';

export function catalogueShield(shield: Shield): CatalogueShield {
  const { id, title, tier, severity, component } = shield;
  return { id, title, tier, severity, component, mode: tierMode(shield) };
}
